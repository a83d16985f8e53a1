/**
 * Changing something: each change is planned, looked at, applied, followed to its verdict.
 *
 * `startChange` opens the dialog that does all of it; there is one for the whole panel.
 */
import { shallowRef } from 'vue'
import { api, ask } from '../api/client'
import { Problem, toProblem } from '../api/problem'
import type { Operation, Plan, Violation } from '../api/types'

export interface Change {
  /** What is about to be done, as the title of the dialog. */
  title: string
  /** Makes the plan; nothing is changed by that. Several plans are applied one after the other. */
  plan: () => Promise<Plan | Plan[]>
  /** The name that has to be typed before it can be applied; for what cannot be undone. */
  confirm?: string
  /** Called with each operation that was started. */
  started?: (operation: Operation) => void
  /** Shows the line of a file that something of a plan is about; the dialog is closed before. */
  locate?: (note: Violation) => void
  /** Called when the dialog is closed after something was applied. */
  done?: () => void
}

export const change = shallowRef<Change | null>(null)

/** Open the dialog with a change. */
export function startChange(wanted: Change): void {
  change.value = wanted
}

/** Apply a plan; when the Swarm has changed meanwhile, the new plan is returned instead. */
export async function applyPlan(plan: Plan): Promise<{ operation: Operation } | { outdated: Plan }> {
  try {
    const operation = await ask(
      api.POST('/api/v1/plans/{plan_id}/apply', { params: { path: { plan_id: plan.id } } }),
    )
    return { operation }
  } catch (error) {
    const problem = toProblem(error)
    const renewed = problem.code === 'plan-outdated' ? (problem.details['plan'] as Plan | undefined) : undefined
    if (renewed) return { outdated: renewed }
    throw problem
  }
}

/** Return what was answered to a change that was only to be planned. */
export async function askPlan(answer: Promise<{ data?: unknown; error?: unknown; response: Response }>): Promise<Plan> {
  const answered = await ask(answer)
  if (!isPlan(answered)) {
    const detail = 'The server carried the change out instead of planning it.'
    throw new Problem({ code: 'no-plan', status: 0, title: 'That was no plan.', detail })
  }
  return answered
}

function isPlan(answered: object): answered is Plan {
  return 'changes' in answered
}
