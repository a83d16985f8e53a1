/** How a figure of many things went while one looked, for the small lines in lists. */
import { shallowRef, triggerRef, watch, type ShallowRef, type WatchSource } from 'vue'
import type { StatsRow } from '../../api/monitoring'

/** So many samples are remembered of each. */
export const REMEMBERED = 30

export type Courses = ShallowRef<ReadonlyMap<string, readonly (number | null)[]>>

interface Remembered {
  at: string | null
  figures: (number | null)[]
}

/** Remember the last processors of each row that is told. */
export function useCourses(rows: WatchSource<readonly StatsRow[]>): Courses {
  const known = new Map<string, Remembered>()
  const courses = shallowRef(new Map<string, readonly (number | null)[]>())
  watch(
    rows,
    (told) => {
      remember(known, told)
      courses.value.clear()
      for (const [id, { figures }] of known) courses.value.set(id, figures)
      triggerRef(courses)
    },
    { immediate: true },
  )
  return courses
}

function remember(known: Map<string, Remembered>, told: readonly StatsRow[]): void {
  const ids = new Set(told.map((row) => row.id))
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
  for (const row of told) {
    const before = known.get(row.id)
    // What was not measured anew is no new point.
    if (before && before.at === row.sampled_at) continue
    const figures = [...(before?.figures ?? []), row.stale ? null : row.cpu].slice(-REMEMBERED)
    known.set(row.id, { at: row.sampled_at, figures })
  }
}
