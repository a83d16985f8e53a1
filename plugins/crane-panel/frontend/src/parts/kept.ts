/** The one object of a detail page: what goes while it is looked at stays as it was last. */
import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue'
import type { Topic } from '../live'

export interface Kept<Item> {
  object: ShallowRef<Item | null>
  /** Whether it is there no more. */
  gone: ComputedRef<boolean>
}

/** Keep what a topic of one object told last, until the page is about another one, of another name. */
export function useKept<Item>(topic: Topic<Item>, name: () => string): Kept<Item> {
  const object = shallowRef<Item | null>(null)
  watch(topic.one, (one) => (object.value = one ?? object.value), { immediate: true })
  watch(name, () => (object.value = topic.one.value))
  return { object, gone: computed(() => topic.known.value && topic.one.value === null && object.value !== null) }
}
