/** Having what is written checked, and planned to be deployed. */
import { ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api, ask } from '../../api/client'
import { toProblem, type Problem } from '../../api/problem'
import type { components } from '../../api/schema'
import type { Plan } from '../../api/types'
import { startChange, type Change } from '../../parts/change'
import { errorsOf, type Note } from './checking'
import { t } from './words'
import type { Written } from './written'

export interface Planning {
  busy: Ref<'check' | 'plan' | null>
  /** What the last check or plan said; it holds until something changes. */
  checked: ShallowRef<{ notes: Note[]; well: boolean } | null>
  /** Why nothing could be said. */
  problem: ShallowRef<Problem | null>
  check: () => Promise<void>
  /** Plan it, and show the plan, from where it can be applied. */
  plan: () => Promise<void>
}

/**
 * @param isReady Whether it can be planned; whoever says no says why.
 * @param then What the plan is followed by.
 */
export function usePlanning(written: Written, isReady: () => Promise<boolean>, then: Pick<Change, 'locate' | 'started' | 'done'>): Planning {
  const { name, sent, options, logins } = written
  const busy = ref<'check' | 'plan' | null>(null)
  const checked = shallowRef<{ notes: Note[]; well: boolean } | null>(null)
  const problem = shallowRef<Problem | null>(null)
  watch([sent, name, logins], () => {
    checked.value = null
    problem.value = null
  })

  function wish(): components['schemas']['StackFiles'] {
    const given = logins.value.filter((each) => each.registry.trim() !== '')
    return {
      ...sent.value!,
      prune: options.prune,
      resolve_image: options.resolveImage,
      registry_logins: Object.fromEntries(given.map(({ registry, username, password }) => [registry.trim(), { username, password }])),
      timeout: null,
    }
  }

  function askForPlan(changes: Partial<ReturnType<typeof wish>> = {}): Promise<Plan> {
    const params = { path: { name: name.value } }
    return ask(api.POST('/api/v1/stacks/{name}/plan', { params, body: { ...wish(), ...changes } }))
  }

  /** Have a plan made and tell what it says of the files; null when it was refused. */
  async function makePlan(what: 'check' | 'plan'): Promise<Plan | null> {
    if (busy.value !== null || !(await isReady()) || sent.value === null) return null
    busy.value = what
    problem.value = null
    try {
      // Only the files are to be checked: no registry need be asked.
      const plan = await askForPlan(what === 'check' ? { resolve_image: 'never' } : {})
      checked.value = { notes: notesOf(plan), well: plan.violations.length === 0 }
      return plan
    } catch (error) {
      const failure = toProblem(error)
      const errors = errorsOf(failure)
      if (errors.length > 0) checked.value = { notes: errors, well: false }
      else problem.value = failure
      return null
    } finally {
      busy.value = null
    }
  }

  async function plan(): Promise<void> {
    let first = await makePlan('plan')
    if (!first) return
    startChange({
      ...then,
      title: t('planTitle', { name: name.value }),
      plan: async () => {
        const made = first ?? (await askForPlan())
        first = null
        return made
      },
    })
  }

  return { busy, checked, problem, check: async () => void (await makePlan('check')), plan }
}

function notesOf(plan: Plan): Note[] {
  return [
    ...plan.violations.map((each) => ({ ...each, severity: 'error' as const })),
    ...plan.warnings.map((each) => ({ ...each, severity: 'warning' as const })),
  ]
}
