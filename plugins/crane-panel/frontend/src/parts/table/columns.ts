/** Which columns of a table are shown: what somebody chose is remembered in the browser. */
import { computed, ref, type ComputedRef } from 'vue'
import type { Column } from './table'

/** What a column without a width gets at least, in pixels. */
const FLEXIBLE = 150
/** What the column takes in which rows are selected. */
const TICK = 40

export interface Columns<Row> {
  shown: ComputedRef<Column<Row>[]>
  /** Those that may be chosen, and are exported. */
  data: ComputedRef<Column<Row>[]>
  shownData: ComputedRef<Column<Row>[]>
  /** Below this width names would be squeezed out; the table scrolls sideways instead. */
  least: ComputedRef<number>
  choose: (key: string, wanted: boolean) => void
}

/** Return the columns of the table of an id. */
export function useColumns<Row>(id: string, all: () => Column<Row>[], selectable: () => boolean): Columns<Row> {
  const kept = `crane.columns.${id}`
  const chosen = ref<string[] | null>(readChosen(kept))
  const shown = computed(() =>
    all().filter((column) => column.control || (chosen.value ? chosen.value.includes(column.key) : !column.optional)),
  )
  const data = computed(() => all().filter((column) => !column.control))
  const shownData = computed(() => shown.value.filter((column) => !column.control))
  const least = computed(() => shown.value.reduce((sum, column) => sum + (column.width ?? FLEXIBLE), selectable() ? TICK : 0))

  function choose(key: string, wanted: boolean): void {
    const now = new Set(shownData.value.map((column) => column.key))
    if (wanted) now.add(key)
    else now.delete(key)
    if (now.size === 0) return
    chosen.value = [...now]
    localStorage.setItem(kept, JSON.stringify(chosen.value))
  }
  return { shown, data, shownData, least, choose }
}

function readChosen(kept: string): string[] | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(kept) ?? 'null')
    return Array.isArray(value) && value.length > 0 ? value.map(String) : null
  } catch {
    return null
  }
}
