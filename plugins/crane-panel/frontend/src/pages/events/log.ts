/** The events that one looks at: in order, without holes that nobody tells of, and no more than a browser holds. */
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { askEvents, type HappenedEvent } from '../../api/monitoring'
import { toProblem, type Problem } from '../../api/problem'
import { useTopic } from '../../live'

/** So many are kept; what is older can be read again. */
export const MOST = 5000
/** So many are read at once. */
const PAGE = 1000
/** What stands for events that nobody has. */
export const LOST = 'events.lost'

/** Which run of the server an event is of: numbers begin anew with each. */
function runOf(event: HappenedEvent): string {
  return event.cursor.slice(0, event.cursor.lastIndexOf('-'))
}

/** Return what of the newest events is not known yet; null when there may be some between, which have to be read. */
export function newOnes(known: readonly HappenedEvent[], told: readonly HappenedEvent[]): HappenedEvent[] | null {
  const last = known.at(-1)
  const newest = [...told].sort((a, b) => a.number - b.number)
  const first = newest[0]
  if (last === undefined || first === undefined) return newest
  if (runOf(first) !== runOf(last)) return null
  const fresh = newest.filter((event) => event.number > last.number)
  return fresh.length > 0 && first.number > last.number + 1 ? null : fresh
}

/** Put events behind those that are known. */
export function behind(known: readonly HappenedEvent[], more: readonly HappenedEvent[]): HappenedEvent[] {
  const there = new Set(known.slice(-PAGE).map((event) => event.cursor))
  // A hole may have the place of an event that was known before.
  return [...known, ...more.filter((event) => event.kind === LOST || !there.has(event.cursor))].slice(-MOST)
}

export interface EventLog {
  /** What is shown, the newest first. */
  shown: ComputedRef<readonly HappenedEvent[]>
  /** How many came since it was held. */
  waiting: ComputedRef<number>
  held: Ref<boolean>
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  /** Whether there is nothing older that the server still has. */
  atStart: Ref<boolean>
  hold: () => void
  loadOlder: () => Promise<void>
}

/** Follow what happens. */
export function useEventLog(): EventLog {
  const topic = useTopic<HappenedEvent>('events')
  const all = shallowRef<readonly HappenedEvent[]>([])
  const kept = shallowRef<readonly HappenedEvent[] | null>(null)
  const held = ref(false)
  const known = ref(false)
  const atStart = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let reading = false
  let ended = false
  onScopeDispose(() => (ended = true))

  function take(more: readonly HappenedEvent[]): void {
    const before = all.value
    all.value = behind(before, more)
    if (before.length + more.length > MOST) atStart.value = false
  }

  async function catchUp(): Promise<void> {
    if (reading) return
    reading = true
    try {
      for (let full = true; full && !ended; ) {
        const found = await askEvents('after', all.value.at(-1)!.cursor, PAGE)
        take(found)
        full = found.filter((event) => event.kind !== LOST).length >= PAGE
      }
      problem.value = null
    } catch (error) {
      problem.value = toProblem(error)
    } finally {
      reading = false
    }
  }

  watch(topic.items, () => {
    if (!topic.known.value) return
    known.value = true
    // Whoever reads asks until there is nothing more, so what is told meanwhile is among it.
    if (reading) return
    const fresh = newOnes(all.value, topic.list.value)
    if (fresh === null) void catchUp()
    else if (fresh.length > 0) take(fresh)
  })
  watch(topic.problem, (told) => (problem.value = told))

  async function loadOlder(): Promise<void> {
    const first = all.value[0]
    if (!first) return
    try {
      const found = await askEvents('before', first.cursor, PAGE / 2)
      atStart.value = found.length === 0
      all.value = [...found, ...all.value]
      if (kept.value) kept.value = [...found, ...kept.value]
      problem.value = null
    } catch (error) {
      problem.value = toProblem(error)
    }
  }

  function hold(): void {
    held.value = !held.value
    kept.value = held.value ? all.value : null
  }

  const shown = computed(() => [...(kept.value ?? all.value)].reverse())
  const waiting = computed(() => {
    const last = kept.value?.at(-1)
    if (!kept.value) return 0
    const place = last ? all.value.lastIndexOf(last) : -1
    return all.value.length - place - 1
  })
  return { shown, waiting, held, known, problem, atStart, hold, loadOlder }
}
