/** Asking the plugins that let people in: accounts, logins, tokens, second factors. */
import { Problem, toProblem } from './problem'
import { askUrl } from './client'
import type { List } from './types'

export interface Account {
  name: string
  kind: 'user' | 'service'
  display_name: string
  email: string
}

export interface LoginMethod {
  name: string
  title: string
  kind: 'password' | 'redirect'
}

export interface AuthState {
  set_up: boolean
  methods: LoginMethod[]
  passkeys: boolean
  shortest_password: number
  account: Account | null
  session: { id: string; method: string } | null
}

export type Factor = 'totp' | 'recovery' | 'passkey'

/** How far a login has come. */
export interface Login {
  state: 'done' | 'second-factor' | 'enroll' | 'new-password'
  challenge: string | null
  factors: Factor[]
  expires_at: string | null
  token: string | null
  recovery_codes: string[]
  account: Account | null
}

export interface Me {
  account: Account
  session: { id: string; method: string } | null
  password: { set: boolean; changed_at: string | null } | null
  totp: boolean
  recovery_codes_left: number
  passkeys: number
  second_factor_required: boolean
}

export interface Session {
  id: string
  name: string
  method: string
  address: string
  device: string
  created_at: string
  used_at: string
  expires_at: string
  current: boolean
}

export interface Token {
  id: string
  name: string
  account: string
  actions: string[] | null
  stacks: string[] | null
  created_at: string
  created_by: string
  used_at: string | null
  expires_at: string | null
  expired: boolean
}
export type MadeToken = Token & { token: string }

export interface NewToken {
  name: string
  actions: string[] | null
  stacks: string[] | null
  days: number | null
}

export interface Passkey {
  id: string
  name: string
  created_at: string
  used_at: string | null
}

export interface TotpSecret {
  secret: string
  uri: string
}

export interface PasskeyOptions<Options> {
  challenge: string
  options: Options
}

const AUTH = '/api/v1/auth'

function send<Data>(method: string, path: string, json?: unknown): Promise<Data> {
  return askUrl<Data>(`/api/v1${path}`, { method, ...(json === undefined ? {} : { json }) })
}

async function all<Item>(path: string): Promise<Item[]> {
  return (await askUrl<List<Item>>(`/api/v1${path}${path.includes('?') ? '&' : '?'}limit=1000`)).items
}

/** Return how the server lets people in; null where no plugin does that has accounts. */
export async function readAuthState(): Promise<AuthState | null> {
  try {
    return await askUrl<AuthState>(`${AUTH}/state`)
  } catch (error) {
    const problem: Problem = toProblem(error)
    if (problem.status === 404) return null
    throw problem
  }
}

export interface Setup {
  token: string
  name: string
  password: string
  display_name?: string
  email?: string
}

export const login = {
  setUp: (setup: Setup) => send<Login>('POST', '/auth/setup', setup),
  password: (method: string, name: string, password: string) => send<Login>('POST', '/auth/login', { method, name, password }),
  secondFactor: (challenge: string, code: string) => send<Login>('POST', '/auth/login/second-factor', { challenge, code }),
  totp: (challenge: string) => send<TotpSecret & { challenge: string }>('POST', '/auth/login/totp', { challenge }),
  newPassword: (challenge: string, password: string) => send<Login>('POST', '/auth/login/new-password', { challenge, password }),
  passkeyOptions: (challenge: string | null) =>
    send<PasskeyOptions<PublicKeyCredentialRequestOptionsJSON>>('POST', '/auth/login/passkey-options', challenge === null ? {} : { challenge }),
  passkey: (challenge: string, credential: unknown) => send<Login>('POST', '/auth/login/passkey', { challenge, credential }),
  start: (method: string, back: string) =>
    send<{ url: string }>('POST', `/auth/login/${encodeURIComponent(method)}/start`, { return: back }),
  out: () => send<null>('POST', '/auth/logout'),
}

/** What somebody does with their own account; `password` is left out by accounts without one. */
export const me = {
  read: () => askUrl<Me>(`${AUTH}/me`),
  changePassword: (old: string, fresh: string) => send<null>('PUT', '/auth/me/password', { old, new: fresh }),
  sessions: () => all<Session>('/auth/me/sessions'),
  endSession: (id: string) => send<null>('DELETE', `/auth/me/sessions/${encodeURIComponent(id)}`),
  tokens: () => all<Token>('/auth/me/tokens'),
  makeToken: (token: NewToken) => send<MadeToken>('POST', '/auth/me/tokens', token),
  removeToken: (id: string) => send<null>('DELETE', `/auth/me/tokens/${encodeURIComponent(id)}`),
  beginTotp: (password: string) => send<TotpSecret>('POST', '/auth/me/totp', proof(password)),
  finishTotp: (code: string) => send<{ recovery_codes: string[] }>('PUT', '/auth/me/totp', { code }),
  removeTotp: (password: string) => send<null>('DELETE', '/auth/me/totp', proof(password)),
  newRecoveryCodes: (password: string) => send<{ recovery_codes: string[] }>('POST', '/auth/me/recovery-codes', proof(password)),
  passkeys: () => all<Passkey>('/auth/me/passkeys'),
  passkeyOptions: (password: string) =>
    send<PasskeyOptions<PublicKeyCredentialCreationOptionsJSON>>('POST', '/auth/me/passkeys/options', proof(password)),
  addPasskey: (challenge: string, name: string, credential: unknown) =>
    send<Passkey & { recovery_codes?: string[] }>('POST', '/auth/me/passkeys', { challenge, name, credential }),
  removePasskey: (id: string) => send<null>('DELETE', `/auth/me/passkeys/${encodeURIComponent(id)}`),
}

function proof(password: string): { password?: string } {
  return password === '' ? {} : { password }
}

/** What is done with the logins and tokens of others. */
export const others = {
  sessions: (name: string) => all<Session>(`/sessions?name=${encodeURIComponent(name)}`),
  endSession: (id: string) => send<null>('DELETE', `/sessions/${encodeURIComponent(id)}`),
  tokens: (account: string) => all<Token>(`/tokens?account=${encodeURIComponent(account)}`),
  makeToken: (account: string, token: NewToken) => send<MadeToken>('POST', '/tokens', { account, ...token }),
  removeToken: (id: string) => send<null>('DELETE', `/tokens/${encodeURIComponent(id)}`),
  setPassword: (name: string, password: string, mustChange: boolean) =>
    send<null>('PUT', `/passwords/${encodeURIComponent(name)}`, { password, must_change: mustChange }),
  removeSecondFactors: (name: string) => send<null>('DELETE', `/second-factors/${encodeURIComponent(name)}`),
}
