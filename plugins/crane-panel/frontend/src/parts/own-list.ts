/** A list that no topic tells of: read when it is shown, and again after each change. */
import { ref, shallowRef, watch, type Ref, type ShallowRef, type WatchSource } from 'vue'
import { toProblem, type Problem } from '../api/problem'

export interface OwnList<Item> {
  items: ShallowRef<Item[]>
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  load: () => Promise<void>
}

/** Read a list, and read it anew whenever what it depends on changes. */
export function useOwnList<Item>(read: () => Promise<Item[]>, ...depends: WatchSource[]): OwnList<Item> {
  const items = shallowRef<Item[]>([])
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  let asked = 0

  async function load(): Promise<void> {
    asked += 1
    const number = asked
    try {
      const found = await read()
      // An answer that comes late must not replace a newer one.
      if (number !== asked) return
      items.value = found
      known.value = true
      problem.value = null
    } catch (error) {
      if (number === asked) problem.value = toProblem(error)
    }
  }

  void load()
  if (depends.length > 0) watch(depends, () => void load())
  return { items, known, problem, load }
}
