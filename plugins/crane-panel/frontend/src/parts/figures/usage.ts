/** What everything of a kind uses at this moment, by its id. */
import { computed, type ComputedRef, type ShallowRef } from 'vue'
import type { StatsKind, StatsRow } from '../../api/monitoring'
import type { Source } from '../../api/types'
import { may } from '../../caller'
import { useTopic } from '../../live'

export type Usage = ReadonlyMap<string, StatsRow>

/** Follow what all of a kind use, and which nodes tell it; what is too old to count is left out. */
export function useUsage(kind: StatsKind): { usage: ComputedRef<Usage>; sources: ShallowRef<Source[]> } {
  const topic = useTopic<StatsRow>(() => (may(`${kind.slice(0, -1)}:read`) ? `stats/${kind}` : null))
  const usage = computed(() => new Map(topic.list.value.filter((row) => !row.stale).map((row) => [row.id, row])))
  return { usage, sources: topic.sources }
}
