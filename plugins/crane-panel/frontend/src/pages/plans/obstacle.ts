/** What keeps a plan from being applied. */
import type { Plan } from '../../api/types'

export type Obstacle = 'applied' | 'expired' | 'refused' | 'nothing' | 'notAllowed'

/** Return what keeps a plan from being applied; null when nothing does. */
export function obstacleOf(plan: Plan, allowed: boolean, now: number): Obstacle | null {
  if (plan.applied_at) return 'applied'
  if (Date.parse(plan.expires_at) <= now) return 'expired'
  if (plan.violations.length > 0) return 'refused'
  if (plan.changes.every((change) => change.action === 'keep')) return 'nothing'
  return allowed ? null : 'notAllowed'
}
