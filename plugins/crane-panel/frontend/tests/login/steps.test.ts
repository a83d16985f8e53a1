/** The way through a login, and where it leads. */
import { describe, expect, it } from 'vitest'
import type { Login } from '../../src/api/access'
import { next, readCode, readHash } from '../../src/pages/login/steps'
import { pathOf } from '../../src/parts/qr'
import { toBytes, toText } from '../../src/parts/webauthn'
import { authState, divert, localPath } from '../../src/session'

const ANSWER: Login = { state: 'done', challenge: null, factors: [], expires_at: null, token: null, recovery_codes: [], account: null }

describe('where a login leads', () => {
  it.each([
    ['/stacks?q=a#b', '/stacks?q=a#b'],
    ['/access/users', '/access/users'],
    ['https://evil.example/', '/'],
    ['//evil.example/', '/'],
    ['/\\evil.example', '/'],
    ['/\t/evil.example', '/'],
    ['javascript:alert(1)', '/'],
    ['/login?return=/login', '/'],
    ['/setup', '/'],
    ['/api/v1/whoami', '/'],
    ['/apiary', '/apiary'],
    ['', '/'],
    [null, '/'],
    [['/a', '/b'], '/'],
  ])('is %j: %s', (wanted, address) => expect(localPath(wanted)).toBe(address))

  const to = (path: string, more = {}) => ({ path, fullPath: path, query: {}, hash: '', meta: {}, ...more }) as never

  it('is the login for who is not known, the setup while nobody is', () => {
    expect(divert('login', to('/stacks'))).toEqual({ path: '/login', query: { return: '/stacks' } })
    expect(divert('login', to('/'))).toEqual({ path: '/login', query: {} })
    expect(divert('login', to('/login', { meta: { open: true } }))).toBeUndefined()
    expect(divert('setup', to('/stacks', { hash: '#token=x' }))).toEqual({ path: '/setup', hash: '#token=x' })
    expect(divert('setup', to('/setup'))).toBeUndefined()
  })

  it('is back where they were for who is known', () => {
    expect(divert('known', to('/login', { query: { return: '/nodes' } }))).toBe('/nodes')
    expect(divert('known', to('/stacks'))).toBeUndefined()
    expect(authState.value).toBeNull()
  })
})

describe('the steps', () => {
  it('end when it is done, after new recovery codes', () => {
    expect(next(ANSWER)).toBeNull()
    expect(next({ ...ANSWER, recovery_codes: ['a'] })?.step).toBe('codes')
    expect(next({ ...ANSWER, state: 'second-factor', challenge: 'c', factors: ['passkey'] })).toEqual({
      step: 'second-factor',
      challenge: 'c',
      factors: ['passkey'],
    })
  })

  it('go on where a login elsewhere led back to', () => {
    expect(readHash('#challenge=c&state=second-factor').progress).toMatchObject({ step: 'second-factor', challenge: 'c' })
    expect(readHash('#challenge=c&state=nonsense')).toEqual({ progress: null, problem: null })
    expect(readHash('#error=login-refused&detail=No.').problem?.details).toMatchObject({ code: 'login-refused', detail: 'No.' })
    expect(readHash('')).toEqual({ progress: null, problem: null })
  })

  it('take codes as people type them', () => expect(readCode(' 123 456\n')).toBe('123456'))
})

it('keeps bytes through base64url', () => {
  const bytes = new Uint8Array([0, 250, 255, 62, 63, 1])

  expect(toText(bytes.buffer)).toBe('APr_Pj8B')
  expect(new Uint8Array(toBytes('APr_Pj8B'))).toEqual(bytes)
})

it('draws neighbours of a QR code as one stroke', () => {
  expect(pathOf([[true, true, false, true], [false, false, false, false], [false, true, true, false]])).toBe(
    'M0 0h2v1h-2zM3 0h1v1h-1zM1 2h2v1h-2z',
  )
})
