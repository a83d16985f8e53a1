/** The steps of a login, as far as the page has to know them. */
import type { Login } from '../../api/access'
import { Problem } from '../../api/problem'

export type Step = 'begin' | 'second-factor' | 'enroll' | 'new-password' | 'codes'

export interface Progress {
  step: Step
  challenge: string | null
  factors: string[]
}

/** What the address says when a login elsewhere leads back here: a step that is left, or what went wrong. */
export function readHash(hash: string): { progress: Progress | null; problem: Problem | null } {
  const said = new URLSearchParams(hash.replace(/^#/, ''))
  const challenge = said.get('challenge')
  const state = said.get('state')
  if (challenge && isStep(state)) return { progress: { step: state, challenge, factors: ['totp', 'recovery'] }, problem: null }
  const code = said.get('error')
  if (code) {
    const detail = said.get('detail') || code
    return { progress: null, problem: new Problem({ code, status: 401, title: detail, detail }) }
  }
  return { progress: null, problem: null }
}

function isStep(state: string | null): state is Step {
  return state === 'second-factor' || state === 'enroll' || state === 'new-password'
}

/** Return what comes after an answer; null when the login is complete. */
export function next(login: Login): Progress | null {
  if (login.state === 'done') return login.recovery_codes.length > 0 ? { step: 'codes', challenge: null, factors: [] } : null
  return { step: login.state, challenge: login.challenge, factors: login.factors }
}

/** Read a code as people type it: with spaces, in groups. */
export function readCode(text: string): string {
  return text.replace(/\s+/g, '')
}
