/** The places of a service: its slots, or the nodes that it runs on. */
import type { Place, Task } from '../../api/types'
import { compare } from '../../parts/table/table'

/** Return places by slot, or by the name of their node. */
export function inOrder(places: readonly Place[]): Place[] {
  return [...places].sort((a, b) => compare(a.slot, b.slot) || compare(a.node, b.node))
}

export function keyOf(place: Place): string {
  return place.slot === null ? (place.current.NodeID ?? place.current.ID) : String(place.slot)
}

/** Tell whether there is something to look into: it does not run, or has failed before. */
export function isTroubled(place: Place): boolean {
  return (place.current.state !== 'running' && place.current.state !== 'complete') || [place.current, ...place.earlier].some(hasFailed)
}

export function hasFailed(task: Task): boolean {
  return task.state === 'failed' || task.state === 'rejected' || task.state === 'orphaned'
}

/** When a task came into its state. */
export function since(task: Task): string | undefined {
  const moment = task.Status?.['Timestamp']
  return typeof moment === 'string' ? moment : task.UpdatedAt
}
