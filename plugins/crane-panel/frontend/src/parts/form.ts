/** Sending what was filled in. */
import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { toProblem, type Problem } from '../api/problem'
import { sayPlainly } from '../words/said'

export interface Sending {
  busy: Ref<boolean>
  problem: ShallowRef<Problem | null>
  /** Whether one has to wait before trying again. */
  waiting: ComputedRef<boolean>
  /** Send; returns what was answered, and undefined where that failed. */
  send: <Answer>(run: () => Promise<Answer>) => Promise<Answer | undefined>
  /** What is wrong with a member of what was sent. */
  errorOf: (member: string) => string | undefined
  clear: () => void
}

/** Send something at a time, and keep what went wrong. */
export function useSending(): Sending {
  const busy = ref(false)
  const problem = shallowRef<Problem | null>(null)

  async function send<Answer>(run: () => Promise<Answer>): Promise<Answer | undefined> {
    if (busy.value) return undefined
    busy.value = true
    problem.value = null
    try {
      return await run()
    } catch (error) {
      problem.value = toProblem(error)
      return undefined
    } finally {
      busy.value = false
    }
  }

  return {
    busy,
    problem,
    waiting: computed(() => Number(problem.value?.details['retry_after'] ?? 0) > 0),
    send,
    errorOf: (member) => errorOf(problem.value, member),
    clear: () => (problem.value = null),
  }
}

/** Return what a problem says of a member of what was sent. */
export function errorOf(problem: Problem | null, member: string): string | undefined {
  const found = problem?.details.errors?.filter((each) => each.pointer === `/${member}` || each.pointer.startsWith(`/${member}/`))
  return found?.map((each) => sayPlainly('note', each.code, each.detail)).join(' ') || undefined
}
