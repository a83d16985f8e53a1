/** Who looks at the panel, and what they may do. */
import { computed, shallowRef } from 'vue'
import { api, ask } from './api/client'
import type { WhoAmI } from './api/types'

export const caller = shallowRef<WhoAmI | null>(null)

const allowed = computed(() => new Set(caller.value?.actions ?? []))

/** Find out who looks at the panel. */
export async function loadCaller(): Promise<void> {
  caller.value = await ask(api.GET('/api/v1/whoami'))
}

/** Tell whether the caller may do something in general, as in `service:update`; what they may not is not offered. */
export function may(action: string): boolean {
  return allowed.value.has(action)
}
