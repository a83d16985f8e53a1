/** What editing and creating a service have in common: the form, what is wrong in it, and asking for its plan. */
import { computed, nextTick, onBeforeUnmount, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { onBeforeRouteLeave } from 'vue-router'
import { toProblem, type Problem } from '../../../api/problem'
import type { Plan, Violation } from '../../../api/types'
import { t } from '../words'
import { countChanges, findMistakes, placeViolations, type Form } from './form'
import { f } from './words'

export interface Editing {
  before: ShallowRef<Form>
  form: Ref<Form>
  changes: ComputedRef<number>
  /** What is wrong, in words, by field. */
  errors: ComputedRef<Record<string, string>>
  /** What the server found wrong that no field is about. */
  others: ShallowRef<Violation[]>
  problem: ShallowRef<Problem | null>
  asking: Ref<boolean>
  /** Begin anew with a form as it was read, and perhaps with changes in it. */
  begin(before: Form, form?: Form): void
  /** Ask for a plan; null when something is wrong, which is then shown. */
  check(plan: () => Promise<Plan>): Promise<Plan | null>
  /** Let the page be left without a question: nothing is lost any more. */
  release(): void
}

export function useEditing(initial: Form, creating: boolean): Editing {
  const before = shallowRef(initial)
  const form = ref<Form>(copy(initial)) as Ref<Form>
  const fromServer = shallowRef<Record<string, string>>({})
  const others = shallowRef<Violation[]>([])
  const problem = shallowRef<Problem | null>(null)
  const asking = ref(false)
  // While somebody fills it in for the first time, nothing is wrong yet.
  const checked = ref(false)
  let released = false

  const changes = computed(() => countChanges(before.value, form.value))
  const mistakes = computed(() => findMistakes(before.value, form.value, creating))
  const errors = computed(() => {
    const own = Object.entries(mistakes.value).filter(([, mistake]) => checked.value || mistake !== 'missing')
    return { ...fromServer.value, ...Object.fromEntries(own.map(([key, mistake]) => [key, f(mistake)])) }
  })

  function begin(read: Form, changed?: Form): void {
    before.value = read
    form.value = copy(changed ?? read)
    forget()
  }

  function forget(): void {
    fromServer.value = {}
    others.value = []
    problem.value = null
  }

  async function check(plan: () => Promise<Plan>): Promise<Plan | null> {
    forget()
    checked.value = true
    if (Object.keys(mistakes.value).length > 0) return showFirst()
    asking.value = true
    try {
      const made = await plan()
      if (made.violations.length === 0) return made
      show(made.violations)
    } catch (error) {
      const found = toProblem(error)
      if (found.details.errors?.length) show(found.details.errors)
      else problem.value = found
    } finally {
      asking.value = false
    }
    return showFirst()
  }

  function show(violations: readonly Violation[]): void {
    const found = placeViolations(violations, form.value)
    fromServer.value = found.placed
    others.value = found.others
  }

  async function showFirst(): Promise<null> {
    await nextTick()
    const wrong = document.querySelector<HTMLElement>('.spec [aria-invalid]')
    wrong?.scrollIntoView({ block: 'center' })
    wrong?.focus({ preventScroll: true })
    return null
  }

  const unsaved = (): boolean => !released && changes.value > 0
  const warn = (event: BeforeUnloadEvent): void => {
    if (unsaved()) event.preventDefault()
  }
  window.addEventListener('beforeunload', warn)
  onBeforeUnmount(() => window.removeEventListener('beforeunload', warn))
  onBeforeRouteLeave(() => !unsaved() || window.confirm(t('leave')))

  const release = (): void => {
    released = true
  }
  return { before, form, changes, errors, others, problem, asking, begin, check, release }
}

function copy(form: Form): Form {
  return JSON.parse(JSON.stringify(form)) as Form
}
