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
  removePasskey: (id: string, password: string) => send<null>('DELETE', `/auth/me/passkeys/${encodeURIComponent(id)}`, proof(password)),
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

// --- Accounts and what is granted to them ------------------------------------------------------------------------------

export interface User {
  id: number
  name: string
  kind: 'user' | 'service'
  display_name: string
  email: string
  disabled: boolean
  source: string
  groups: string[]
  admin: boolean
  created_at: string
}

export interface Group {
  name: string
  description: string
  members: number
  grants: number
  created_at: string
}

export interface Member {
  name: string
  kind: 'user' | 'service'
  display_name: string
  disabled: boolean
  sources: string[]
}

export interface Role {
  name: string
  description: string
  built_in: boolean
  actions: string[]
  grants: number
  created_at: string | null
}

export interface Action {
  name: string
  help: string
  kind: string
  within: string[]
  roles: string[]
}

export type Effect = 'allow' | 'deny'
export type Scope = 'everything' | 'stack' | 'node' | 'registry'

export interface Grant {
  id: number
  name: string
  effect: Effect
  role: string
  account: string | null
  group: string | null
  scope: Scope
  on: string
  created_by: string
  created_at: string
}
export type NewGrant = Pick<Grant, 'effect' | 'role' | 'account' | 'group' | 'scope' | 'on'>

export interface Right {
  action: string
  help: string
  allowed: boolean
  reason: string
  grants: { id: number; effect: Effect; text: string }[]
}

export interface Rights {
  account: string | null
  group: string | null
  target: { kind: string; name: string; stack: string | null }
  rights: Right[]
}

const path = (...parts: (string | number)[]): string => parts.map((each) => `/${encodeURIComponent(each)}`).join('')

export const users = {
  list: () => all<User>('/users'),
  create: (user: { name: string; kind: User['kind']; display_name: string; email: string }) => send<User>('POST', '/users', user),
  change: (name: string, change: { display_name?: string; email?: string; disabled?: boolean }) =>
    send<User>('PATCH', path('users', name), change),
  remove: (name: string) => send<null>('DELETE', path('users', name)),
}

export const groups = {
  members: (name: string) => all<Member>(path('groups', name, 'members')),
  create: (group: { name: string; description: string }) => send<Group>('POST', '/groups', group),
  change: (name: string, description: string) => send<Group>('PATCH', path('groups', name), { description }),
  remove: (name: string) => send<null>('DELETE', path('groups', name)),
  add: (name: string, account: string) => send<null>('POST', path('groups', name, 'members'), { name: account }),
  takeOut: (name: string, account: string) => send<null>('DELETE', path('groups', name, 'members', account)),
}

export const roles = {
  list: () => all<Role>('/roles'),
  actions: () => all<Action>('/actions'),
  create: (role: { name: string; description: string; actions: string[] }) => send<Role>('POST', '/roles', role),
  change: (name: string, change: { description?: string; actions?: string[] }) => send<Role>('PATCH', path('roles', name), change),
  remove: (name: string) => send<null>('DELETE', path('roles', name)),
}

export const grants = {
  create: (grant: NewGrant) => send<Grant>('POST', '/grants', grant),
  remove: (id: number) => send<null>('DELETE', path('grants', id)),
  rights: (asked: { account?: string; group?: string; kind?: string; name?: string }) =>
    askUrl<Rights>(`/api/v1/rights?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`),
}

// --- Quotas ------------------------------------------------------------------------------------------------------------

/** What a quota can limit; null is no limit. */
export interface Limits {
  replicas: number | null
  cpus: number | null
  memory_bytes: number | null
  replicas_per_service: number | null
}

export interface Quota extends Limits {
  name: string
  /** A name or pattern of stacks; null for every service. */
  stack: string | null
  description: string
  created_at: string
  services: number
  used: { replicas: number; cpus: number; memory_bytes: number; largest_service: number }
  /** The services that ask for no limit of their own, where the quota demands one. */
  unlimited: { cpus: string[]; memory_bytes: string[] }
}

export const quotas = {
  list: () => all<Quota>('/quotas'),
  create: (quota: Limits & Pick<Quota, 'name' | 'stack' | 'description'>) => send<Quota>('POST', '/quotas', quota),
  change: (name: string, change: Limits & Pick<Quota, 'description'>) => send<Quota>('PATCH', path('quotas', name), change),
  remove: (name: string) => send<null>('DELETE', path('quotas', name)),
}
