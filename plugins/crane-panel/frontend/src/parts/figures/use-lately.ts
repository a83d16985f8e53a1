/** What the rows of a list used in the last ten minutes: asked for once in a while, for all of them at once. */
import { onScopeDispose, shallowRef, toValue, watch, type MaybeRefOrGetter, type ShallowRef } from 'vue'
import { askCourses, type StatsKind, type StatsRow } from '../../api/monitoring'
import { toProblem } from '../../api/problem'
import { now } from '../../now'

/** A point of the line is so far from the next, in milliseconds: sooner there is nothing new. */
const EVERY = 30_000

export type Lately = ShallowRef<ReadonlyMap<string, StatsRow>>

/**
 * Know what everything of a kind used lately, by id, for as long as the component lives; nothing where it may not be asked.
 *
 * @param wanted Whether it is time: the list itself comes first.
 */
export function useLately(kind: StatsKind, wanted: MaybeRefOrGetter<boolean>): Lately {
  const lately = shallowRef<ReadonlyMap<string, StatsRow>>(new Map())
  let askedAt = 0
  let over = false
  onScopeDispose(() => (over = true))

  watch(
    [now, () => toValue(wanted)],
    async ([time, due]) => {
      if (!due || time - askedAt < EVERY) return
      askedAt = time
      try {
        const rows = await askCourses(kind)
        if (!over) lately.value = new Map(rows.map((row) => [row.id, row]))
      } catch (error) {
        // What must not be read is not asked for again; all else is, with the next round.
        if (toProblem(error).status === 403) askedAt = Infinity
      }
    },
    { immediate: true },
  )
  return lately
}
