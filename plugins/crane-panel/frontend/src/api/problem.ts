/** An error of the API: problem details (RFC 9457), as something that can be thrown. */
import type { Violation } from './types'

export interface ProblemDetails {
  code: string
  status: number
  title: string
  detail: string
  errors?: Violation[]
  [member: string]: unknown
}

export class Problem extends Error {
  override name = 'Problem'

  constructor(readonly details: ProblemDetails) {
    super(details.detail)
  }

  get code(): string {
    return this.details.code
  }

  get status(): number {
    return this.details.status
  }
}

/** Return a problem, whatever was thrown or answered. */
export function toProblem(error: unknown, status = 0): Problem {
  if (error instanceof Problem) return error
  if (isDetails(error)) return new Problem(error)
  if (status > 0) {
    const detail = `The server answered with the status ${status} and no explanation.`
    return new Problem({ code: 'unexplained', status, title: 'The server failed.', detail })
  }
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) {
    const detail = 'The server cannot be reached. The page tries again by itself once it can.'
    return new Problem({ code: 'unreachable', status: 0, title: 'The server cannot be reached.', detail })
  }
  const detail = error instanceof Error ? error.message : String(error)
  return new Problem({ code: 'panel-failed', status: 0, title: 'Something went wrong in this page.', detail })
}

function isDetails(error: unknown): error is ProblemDetails {
  return typeof error === 'object' && error !== null && 'code' in error && 'detail' in error
}
