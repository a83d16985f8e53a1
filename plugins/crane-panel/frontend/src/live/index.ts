/** Following topics of the live socket from components. */
import {
  computed,
  onScopeDispose,
  ref,
  shallowRef,
  toValue,
  triggerRef,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type Ref,
  type ShallowRef,
} from 'vue'
import type { Problem } from '../api/problem'
import { tellRefusal } from '../api/refusals'
import type { Source } from '../api/types'
import { LiveConnection, type LiveState } from './connection'

/** How the connection of this tab is. */
export const liveState = ref<LiveState>('connecting')
/** Since when what is shown may be old, in milliseconds; null while it is not. */
export const oldSince = ref<number | null>(null)
/** Whether the server still hears from its own Engine, which tells it of the Swarm, as it last told. */
export const sources = shallowRef<Source[]>([])
/** What the server calls its own Engine; whatever else tells something is a node, and its silence is that of no other. */
const OWN = 'engine'

let connection: LiveConnection | null = null

/** Return the connection of this tab. */
export function live(): LiveConnection {
  if (connection) return connection
  connection = new LiveConnection(
    {
      open: () => new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/live`),
      setTimeout: (run, milliseconds) => setTimeout(run, milliseconds),
      clearTimeout: (timer) => clearTimeout(timer as number),
      random: Math.random,
    },
    (state) => {
      liveState.value = state
      if (state === 'live') oldSince.value = null
      else if (state !== 'connecting') oldSince.value ??= Date.now()
    },
  )
  // Who comes back to a tab wants it fresh at once.
  const hurry = (): void => {
    if (document.visibilityState === 'visible') connection?.hurry()
  }
  document.addEventListener('visibilitychange', hurry)
  window.addEventListener('online', hurry)
  return connection
}

export interface Topic<Item> {
  /** The items by their keys; what changes is the map itself, so read it anew each time. */
  items: ShallowRef<ReadonlyMap<string, Item>>
  list: ComputedRef<Item[]>
  /** The one item of a topic of one object; null while there is none. */
  one: ComputedRef<Item | null>
  /** Whether the server has told anything yet. */
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  /** The nodes whose Engines its items come from; of the server's own Engine {@link sources} tells. */
  sources: ShallowRef<Source[]>
}

/**
 * Follow a topic for as long as the component lives.
 *
 * @param topic Its name, as in `services` or `services/shop_web`; null follows nothing. It may change.
 */
export function useTopic<Item>(topic: MaybeRefOrGetter<string | null>): Topic<Item> {
  const items = shallowRef<Map<string, Item>>(new Map())
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const tellers = shallowRef<Source[]>([])
  let stop: (() => void) | null = null
  let told: { items: Map<string, Item>; sources: Source[] } | null = null

  const show = (): void => {
    if (told === null) return
    if (items.value === told.items) triggerRef(items)
    items.value = told.items
    known.value = true
    problem.value = null
    tellers.value = told.sources.filter((source) => source.name !== OWN)
    const own = told.sources.filter((source) => source.name === OWN)
    if (own.length > 0) sources.value = own
    told = null
  }

  const start = (name: string | null): void => {
    stop?.()
    stop = null
    told = null
    items.value = new Map()
    known.value = false
    problem.value = null
    tellers.value = []
    if (name === null) return
    // Where others follow it already, what they know is there at once.
    let atOnce = true
    const hear = (now: Map<string, Item>, from: Source[]): void => {
      told = { items: now, sources: from }
      if (atOnce) show()
      else withNextFrame(show)
    }
    stop = live().follow(name, {
      onSnapshot(snapshot, from) {
        hear(new Map(Object.entries(snapshot)) as Map<string, Item>, from)
      },
      onChanges(set, gone, from) {
        const now = told?.items ?? items.value
        for (const [key, item] of Object.entries(set)) now.set(key, item as Item)
        for (const key of gone) now.delete(key)
        hear(now, from)
      },
      onUnchanged(from) {
        hear(told?.items ?? items.value, from)
      },
      onError(error) {
        told = null
        problem.value = error
        tellRefusal(error)
      },
    })
    atOnce = false
  }

  watch(() => toValue(topic), start, { immediate: true })
  onScopeDispose(() => stop?.())
  const list = computed(() => [...items.value.values()])
  return { items, list, one: computed(() => list.value[0] ?? null), known, problem, sources: tellers }
}

const due = new Set<() => void>()

/**
 * Run something with the next frame, together with all else that waits for it: however many messages come between two
 * frames, the page is made anew once.
 */
function withNextFrame(run: () => void): void {
  const waiting = due.size > 0
  due.add(run)
  if (waiting) return
  const runAll = (): void => {
    const all = [...due]
    due.clear()
    for (const each of all) each()
  }
  // In a tab that nobody sees there are no frames.
  if (document.visibilityState === 'visible') requestAnimationFrame(runAll)
  else setTimeout(runAll, 250)
}
