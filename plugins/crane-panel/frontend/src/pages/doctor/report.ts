/** What the doctor found: the worst first, and as a text to send to somebody. */
import type { Check, Diagnosis, Finding } from '../../api/monitoring'
import { clock } from '../../words'
import { sentenceOf } from '../../words/said'
import { t as sayTitle } from '../titles'
import { sayState, titleOf } from './titles'

const ORDER: Check['state'][] = ['error', 'warning', 'info', 'unknown', 'ok']

/** What a state looks like: as one that all pages have. */
export const LOOKS: Record<Check['state'], string> = { error: 'failed', warning: 'degraded', info: 'ended', unknown: 'disabled', ok: 'ok' }

/** Return the checks with the worst first. */
export function worstFirst(checks: readonly Check[]): Check[] {
  return [...checks].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
}

/** Count the findings of each severity, the worst first; those that nobody made are left out. */
export function countsOf(checks: readonly Check[]): { state: Check['state']; count: number }[] {
  const findings = checks.flatMap((check) => check.findings)
  return ORDER.map((state) => ({
    state,
    count: state === 'ok' ? checks.filter((check) => check.state === 'ok').length : findings.filter((each) => each.severity === state).length,
  })).filter(({ count }) => count > 0)
}

/** Return all of it as a text. */
export function textOf(diagnosis: Diagnosis): string {
  const checks = worstFirst(diagnosis.checks).flatMap((check) => [
    `[${sayState(check.state)}] ${titleOf(check)}`,
    ...check.findings.flatMap(linesOf),
  ])
  return [`${sayTitle('doctor')}: ${clock(diagnosis.checked_at)}`, '', ...checks, ''].join('\n')
}

/** The server's own sentences name nodes and figures, so they stand there in every language. */
function linesOf(finding: Finding): string[] {
  const sentence = sentenceOf('finding', finding.code)
  const where = finding.where ? `${finding.where}: ` : ''
  return [
    `  - (${sayState(finding.severity)}, ${finding.code}) ${where}${sentence ? `${sentence.text} ` : ''}${finding.what}`,
    ...(finding.advice ? [`    ${sentence?.advice ?? finding.advice}`] : []),
  ]
}
