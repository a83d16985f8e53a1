/** The tasks of a stack: which of them are the present attempts, and which came before. */
import type { Task } from '../../api/types'

export interface Attempt extends Task {
  /** Whether a newer attempt has taken its place. */
  earlier: boolean
}

/** Return tasks by service and slot, in each the present attempt first. */
export function attempts(tasks: readonly Task[]): Attempt[] {
  const seen = new Set<string>()
  return [...tasks]
    .sort((a, b) => (b.CreatedAt ?? '').localeCompare(a.CreatedAt ?? ''))
    .map((task) => {
      // A global service has no slots: it has a place on each node.
      const place = `${task.ServiceID} ${task.Slot ?? task.NodeID ?? task.ID}`
      const earlier = seen.has(place)
      seen.add(place)
      return { ...task, earlier }
    })
}
