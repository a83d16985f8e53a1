/** What everything of a kind uses at this moment, by its id. */
import { computed, type ComputedRef } from 'vue'
import type { StatsKind, StatsRow } from '../../api/monitoring'
import { may } from '../../caller'
import { useTopic } from '../../live'

/** Follow what all of a kind use; what is too old to count is left out. */
export function useUsage(kind: StatsKind): ComputedRef<ReadonlyMap<string, StatsRow>> {
  const topic = useTopic<StatsRow>(() => (may(`${kind.slice(0, -1)}:read`) ? `stats/${kind}` : null))
  return computed(() => new Map(topic.list.value.filter((row) => !row.stale).map((row) => [row.id, row])))
}
