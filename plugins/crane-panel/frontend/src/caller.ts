/** Who looks at the panel, and what they may do. */
import { computed, shallowRef, watch } from 'vue'
import { api, ask } from './api/client'
import type { WhoAmI } from './api/types'

export const caller = shallowRef<WhoAmI | null>(null)

const allowed = computed(() => new Set(caller.value?.actions ?? []))

/** Find out who looks at the panel. */
export async function loadCaller(): Promise<void> {
  caller.value = await askCaller()
}

/** Ask who looks at the panel, and change nothing by it. */
export function askCaller(): Promise<WhoAmI> {
  return ask(api.GET('/api/v1/whoami'))
}

/** Tell whether the caller may do something in general, as in `service:update`; what they may not is not offered. */
export function may(action: string): boolean {
  return allowed.value.has(action)
}

// --- Single objects ----------------------------------------------------------------------------------------------------

// As many as the server is asked about at once.
const MOST = 200
// What is known of objects, by kind and name.
const known = shallowRef<ReadonlyMap<string, ReadonlySet<string>>>(new Map())
const wanted = new Map<string, Set<string>>()
let asking = false

// Whoever they are by now, and whatever they may, it is another matter.
watch(caller, () => (known.value = new Map()), { flush: 'sync' })

/**
 * Tell whether the caller may do something to one object, as in `service:update` to shop_web.
 *
 * The server is asked, once for all that a page wants to know at a time; until it has answered the answer is no, and
 * whatever depends on it is computed anew afterwards.
 */
export function mayOn(action: string, name: string): boolean {
  // For them what holds in general holds for everything.
  if (caller.value === null || caller.value.kind === 'local') return may(action)
  const kind = action.slice(0, action.indexOf(':'))
  const actions = known.value.get(`${kind} ${name}`)
  if (actions) return actions.has(action)
  want(kind, name)
  return false
}

/** Tell whether it is known that the caller may not; for pages that are about nothing but what they may not. */
export function mayNotOn(action: string, name: string): boolean {
  return !mayOn(action, name) && (caller.value?.kind === 'local' || known.value.has(`${action.slice(0, action.indexOf(':'))} ${name}`))
}

function want(kind: string, name: string): void {
  const names = wanted.get(kind)
  if (names) names.add(name)
  else wanted.set(kind, new Set([name]))
  if (asking) return
  asking = true
  queueMicrotask(() => void askAll())
}

async function askAll(): Promise<void> {
  while (wanted.size > 0) {
    const [kind, names] = wanted.entries().next().value!
    const some = [...names].slice(0, MOST)
    for (const name of some) names.delete(name)
    if (names.size === 0) wanted.delete(kind)
    const whose = caller.value
    const found = await askAbout(kind, some)
    // Somebody else may look by now, or what they may have changed; whoever still shows it asks anew.
    if (caller.value === whose) known.value = new Map([...known.value, ...found])
  }
  asking = false
}

async function askAbout(kind: string, names: string[]): Promise<[string, ReadonlySet<string>][]> {
  try {
    const { items } = await ask(api.GET('/api/v1/whoami/rights', { params: { query: { kind, name: names } } }))
    const told = new Map(items.map((item) => [item.name, item.actions]))
    // Each is known afterwards, whatever was answered: it is not asked about again and again.
    return names.map((name) => [`${kind} ${name}`, new Set(told.get(name) ?? [])])
  } catch {
    // What cannot be found out is not offered; the next change of the caller asks again.
    return names.map((name) => [`${kind} ${name}`, new Set<string>()])
  }
}
