/** Actions as they are read: by the kind of thing that they are about. */
import { compareTexts } from '../../words/order'

export interface Kind {
  kind: string
  /** What can be done with it, as in read and update. */
  verbs: string[]
}

/** Return actions by their kinds: those that see come first in each. */
export function byKind(actions: readonly string[]): Kind[] {
  const found = new Map<string, string[]>()
  for (const action of actions) {
    const [kind, verb] = split(action)
    const verbs = found.get(kind)
    if (verbs) verbs.push(verb)
    else found.set(kind, [verb])
  }
  return [...found]
    .map(([kind, verbs]) => ({ kind, verbs: verbs.sort(compareVerbs) }))
    .sort((a, b) => compareTexts(a.kind, b.kind))
}

/** Return the kind and the verb of an action. */
export function split(action: string): [string, string] {
  const colon = action.indexOf(':')
  return colon < 0 ? [action, ''] : [action.slice(0, colon), action.slice(colon + 1)]
}

// As things are made and ended; whatever else can be done comes after.
const ORDER = ['read', 'create', 'update', 'remove']

function compareVerbs(a: string, b: string): number {
  const rank = (verb: string): number => (ORDER.includes(verb) ? ORDER.indexOf(verb) : ORDER.length)
  return rank(a) - rank(b) || compareTexts(a, b)
}
