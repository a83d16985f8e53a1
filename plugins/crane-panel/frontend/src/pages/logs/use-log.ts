/** The logs of some targets in a component: one reader for each, one list of lines for all. */
import { onScopeDispose, ref, shallowRef, triggerRef, watch, type Ref, type ShallowRef } from 'vue'
import { toProblem, type Problem } from '../../api/problem'
import { live, liveState } from '../../live'
import { LogStore, pathOf, queryOf, type LogMessage, type Target, type Wish } from './log'
import { readPast } from './past'

/** After which pause something is asked for again that was not there, in milliseconds. */
const AGAIN = 3000

/** The page is made anew no sooner than that after it was, in milliseconds: nobody reads faster. */
const PACE = 100

export interface Log {
  store: ShallowRef<LogStore>
  /** Whether everything from before is there. */
  known: Ref<boolean>
  /** What was refused, by the name of the target. */
  problems: ShallowRef<ReadonlyMap<string, Problem>>
  /** Read everything anew. */
  again: () => void
}

/**
 * Follow the logs of some targets for as long as the component lives, or read them once where what is wished for ends.
 *
 * However many messages come, the page is made anew ten times a second at the most.
 */
export function useLog(targets: () => readonly Target[], wish: () => Wish): Log {
  const store = shallowRef(new LogStore())
  const known = ref(false)
  const problems = shallowRef<ReadonlyMap<string, Problem>>(new Map())
  let stops: (() => void)[] = []
  let due = false
  let shownAt = -PACE

  const show = (): void => {
    if (due) return
    due = true
    const run = (): void => {
      due = false
      shownAt = performance.now()
      triggerRef(store)
    }
    const pause = shownAt + PACE - performance.now()
    // In a tab that nobody sees there are no frames.
    if (document.visibilityState !== 'visible') setTimeout(run, 250)
    else if (pause > 0) setTimeout(() => requestAnimationFrame(run), pause)
    else requestAnimationFrame(run)
  }

  const forgive = (name: string): void => {
    if (!problems.value.has(name)) return
    const left = new Map(problems.value)
    left.delete(name)
    problems.value = left
  }

  const start = (): void => {
    for (const stop of stops) stop()
    const mine = new LogStore()
    store.value = mine
    known.value = false
    problems.value = new Map()
    const wished = wish()
    const begun = new Set<string>()
    const wanted = targets()
    const count = (): void => {
      known.value = begun.size + problems.value.size >= wanted.length
    }
    stops = wanted.map((target) => {
      const read = wished.until ? readOnce : follow
      return read(target, wished, mine, {
        onMessage(told) {
          forgive(target.name)
          mine.take(told)
          if (told.begun) begun.add(pathOf(target))
          count()
          show()
        },
        onProblem(problem) {
          problems.value = new Map(problems.value).set(target.name, problem)
          count()
        },
      })
    })
  }

  watch(() => JSON.stringify([targets(), wish()]), start, { immediate: true })
  // What is read once is not asked for anew by itself, unless the server was away.
  watch(liveState, (state) => {
    if (state === 'live' && wish().until && [...problems.value.values()].some((problem) => problem.status === 0)) start()
  })
  onScopeDispose(() => {
    for (const stop of stops) stop()
  })
  return { store, known, problems, again: start }
}

interface Reader {
  onMessage(told: LogMessage): void
  onProblem(problem: Problem): void
}

/** Follow the log of one target; returns what ends that. */
function follow(target: Target, wish: Wish, store: LogStore, reader: Reader): () => void {
  let stop = (): void => undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const ask = (): (() => void) =>
    live().followFeed({
      topic: () => `logs/${pathOf(target)}?${queryOf(wish, store.since()).toString()}`,
      onMessage: (message) => reader.onMessage(message as LogMessage),
      onError(problem) {
        reader.onProblem(problem)
        // A server that has just started does not know everything yet.
        if (problem.status !== 404 && problem.status < 500) return
        timer = setTimeout(() => {
          stop()
          stop = ask()
        }, AGAIN)
      },
    })
  stop = ask()
  return () => {
    clearTimeout(timer)
    stop()
  }
}

/** Read the log of one target up to its end; returns what breaks that off. */
function readOnce(target: Target, wish: Wish, _: LogStore, reader: Reader): () => void {
  const over = new AbortController()
  readPast(target, wish, reader.onMessage, over.signal).catch((error: unknown) => {
    if (!over.signal.aborted) reader.onProblem(toProblem(error))
  })
  return () => over.abort()
}
