/** A page of a list that the server sorts and filters, read again when something tells that it may have changed. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from 'vue'
import { toProblem, type Problem } from '../../api/problem'
import type { List } from '../../api/types'

/** How often it is read at the most, in milliseconds. */
const PAUSE = 1000

export interface Page<Item> {
  items: ShallowRef<Item[]>
  total: Ref<number>
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
}

/**
 * Keep a page up to date for as long as the component lives.
 *
 * The browser asks with the version that it has, so a page that did not change costs an answer without a body.
 *
 * @param wish What is asked for; null asks for nothing. A new wish is read at once.
 * @param load Reads what is asked for.
 * @param hints Tell that something may have changed; however often they do, it is read once a second.
 */
export function usePage<Wish, Item>(
  wish: () => Wish | null,
  load: (wish: Wish) => Promise<Pick<List<Item>, 'items' | 'total'>>,
  hints: WatchSource<unknown>[],
): Page<Item> {
  const items = shallowRef<Item[]>([])
  const total = ref(0)
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let asked = 0

  async function read(): Promise<void> {
    const wanted = wish()
    if (wanted === null) return
    asked += 1
    const mine = asked
    try {
      const page = await load(wanted)
      // Another wish was made meanwhile.
      if (mine !== asked) return
      items.value = page.items
      total.value = page.total
      known.value = true
      problem.value = null
    } catch (error) {
      if (mine === asked) problem.value = toProblem(error)
    }
  }

  const calm = calmly(() => void read(), PAUSE)
  watch(() => JSON.stringify(wish()), calm.now, { immediate: true })
  watch(hints, calm.soon)
  onScopeDispose(calm.stop)
  return { items, total, known, problem }
}

/** Return ways to run something: at once, or soon but not more often than each so many milliseconds. */
export function calmly(run: () => void, pause: number): { now: () => void; soon: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | null = null
  let last = -Infinity
  const stop = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
  }
  const now = (): void => {
    stop()
    last = Date.now()
    run()
  }
  const soon = (): void => {
    timer ??= setTimeout(now, Math.max(0, last + pause - Date.now()))
  }
  return { now, soon, stop }
}
