/** What a page shows, in its address: so that it can be linked to and the back button returns to it. */
import { computed, toValue, type MaybeRefOrGetter, type WritableComputedRef } from 'vue'
import { useRoute, useRouter, type Router } from 'vue-router'

const pending = new Map<string, string | undefined>()
let pushes = false

/**
 * Keep a value in the query of the address.
 *
 * @param name What it is called there; absent while the value is its default.
 * @param push Whether each value is a step for the back button; typing into a filter is none.
 */
export function useQueryValue(
  name: string,
  initial: MaybeRefOrGetter<string> = '',
  { push = false } = {},
): WritableComputedRef<string> {
  const route = useRoute()
  const router = useRouter()
  return computed({
    get: () => {
      const value = route.query[name]
      return typeof value === 'string' ? value : toValue(initial)
    },
    set: (value) => {
      // Several values that change at once are one step.
      if (pending.size === 0) queueMicrotask(() => write(router))
      pending.set(name, value === toValue(initial) ? undefined : value)
      pushes ||= push
    },
  })
}

function write(router: Router): void {
  const query = { ...router.currentRoute.value.query, ...Object.fromEntries(pending) }
  const how = pushes ? 'push' : 'replace'
  pending.clear()
  pushes = false
  void router[how]({ query })
}
