/** What a terminal is opened in, and how that stands in the address of the page. */
export type Kind = 'service' | 'task' | 'container'

export interface Target {
  kind: Kind
  name: string
}

const KINDS: readonly string[] = ['service', 'task', 'container']
/** As many stand side by side at the most. */
export const MOST = 6

/** Read one from an address, as in `service/shop_web`; null where it is none. */
export function readTarget(text: string): Target | null {
  const at = text.indexOf('/')
  const kind = text.slice(0, at)
  const name = text.slice(at + 1)
  return at > 0 && name && KINDS.includes(kind) ? { kind: kind as Kind, name } : null
}

export function writeTarget({ kind, name }: Target): string {
  return `${kind}/${name}`
}

/** Return where its tickets are. */
export function ticketsOf({ kind, name }: Target): string {
  return `/api/v1/${kind}s/${encodeURIComponent(name)}/terminal-tickets`
}

/** Return the page of it. */
export function pageOf({ kind, name }: Target): string {
  return `/${kind}s/${encodeURIComponent(name)}`
}

/** Return the address of the page with a terminal in it. */
export function terminalPath(target: Target): string {
  return `/terminal?open=${encodeURIComponent(writeTarget(target))}`
}

/**
 * Take a command apart into its words, as a shell would without expanding anything; null where a quote is not closed.
 *
 * The server runs words and no shell reads them.
 */
export function splitWords(line: string): string[] | null {
  const found: string[] = []
  let word: string | null = null
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const letter = line[at]!
    if (quote) {
      if (letter === quote) quote = ''
      else if (letter === '\\' && quote === '"' && '"\\'.includes(line[at + 1] ?? '')) word += line[++at]!
      else word += letter
    } else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (letter === '\\' && at + 1 < line.length) {
      word = (word ?? '') + line[++at]!
    } else if (/\s/.test(letter)) {
      if (word !== null) found.push(word)
      word = null
    } else {
      word = (word ?? '') + letter
    }
  }
  if (quote) return null
  if (word !== null) found.push(word)
  return found
}
