/** Which rows of a long table are in sight: only those are in the page. */
import { computed, onBeforeUnmount, ref, type ComputedRef } from 'vue'
import { visibleRange } from './table'

export const ROW_HEIGHT = 36

export interface Sight {
  /** Takes the element that the table scrolls in. */
  measure: (element: unknown) => void
  /** The first row in sight, and the first after it that is not. */
  range: ComputedRef<readonly [number, number]>
  onScroll: (event: Event) => void
}

/** Return what is in sight of so many rows. */
export function useSight(count: () => number): Sight {
  const top = ref(0)
  const height = ref(800)
  let measuring: ResizeObserver | null = null
  onBeforeUnmount(() => measuring?.disconnect())

  function measure(element: unknown): void {
    measuring?.disconnect()
    if (!(element instanceof HTMLElement) || typeof ResizeObserver === 'undefined') return
    measuring = new ResizeObserver(() => (height.value = element.clientHeight))
    measuring.observe(element)
  }
  const range = computed(() => visibleRange(top.value, height.value, ROW_HEIGHT, count()))
  return { measure, range, onScroll: (event) => (top.value = (event.target as HTMLElement).scrollTop) }
}
