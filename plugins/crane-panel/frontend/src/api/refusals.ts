/** Who hears that the server refused something: a login may have ended, or a right been taken away. */
import type { Problem } from './problem'

type Listener = (problem: Problem) => void

let listener: Listener | null = null

/** Have a function told of each refusal, whoever met it. */
export function hearRefusals(told: Listener): void {
  listener = told
}

/** Tell of a problem, if it is a refusal. */
export function tellRefusal(problem: Problem): void {
  if (problem.status === 401 || problem.status === 403) listener?.(problem)
}
