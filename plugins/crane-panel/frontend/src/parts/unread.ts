/** Whether the server itself knows what it is asked about: a list is not empty because nobody has read it. */
import { computed } from 'vue'
import { sources } from '../live'

/** What the server has never read; null when it has read everything. */
export const unread = computed(() => sources.value.find((source) => source.state === 'never') ?? null)
/** What the server could not read the last time; null when what it knows is fresh. */
export const stale = computed(() => sources.value.find((source) => source.state === 'stale') ?? null)
