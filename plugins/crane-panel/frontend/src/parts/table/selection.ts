/** Which rows of a table are selected: they stay so by their keys, whatever is sorted and filtered meanwhile. */
import { computed, shallowRef, type ComputedRef } from 'vue'

export interface Selection<Row> {
  rows: ComputedRef<Row[]>
  all: ComputedRef<boolean>
  has: (row: Row) => boolean
  select: (row: Row, wanted: boolean) => void
  selectAll: (wanted: boolean) => void
  clear: () => void
}

/** Return the selection among the rows that a table shows. */
export function useSelection<Row>(shown: () => readonly Row[], keyOf: (row: Row) => string): Selection<Row> {
  const keys = shallowRef<ReadonlySet<string>>(new Set())
  const rows = computed(() => shown().filter((row) => keys.value.has(keyOf(row))))

  function select(row: Row, wanted: boolean): void {
    const next = new Set(keys.value)
    if (wanted) next.add(keyOf(row))
    else next.delete(keyOf(row))
    keys.value = next
  }
  return {
    rows,
    all: computed(() => rows.value.length > 0 && rows.value.length === shown().length),
    has: (row) => keys.value.has(keyOf(row)),
    select,
    selectAll: (wanted) => (keys.value = new Set(wanted ? shown().map(keyOf) : [])),
    clear: () => (keys.value = new Set()),
  }
}
