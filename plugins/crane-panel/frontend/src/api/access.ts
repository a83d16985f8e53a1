/** Asking the plugins that let people in: accounts and what is granted to them, logins, tokens, second factors. */
import { api, ask } from './client'
import { toProblem } from './problem'
import type { components } from './schema'

type Schemas = components['schemas']

export type Account = Schemas['auth.Account']
export type LoginMethod = Schemas['auth.Method']
export type AuthState = Schemas['auth.AuthState']
/** How far a login has come. */
export type Login = Schemas['auth.LoginAnswer']
export type Me = Schemas['auth.Me']
export type Session = Schemas['auth.Session']
export type Token = Schemas['auth.Token']
export type MadeToken = Schemas['auth.MadeToken']
export type NewToken = Schemas['auth.NewToken']
export type Passkey = Schemas['auth.PasskeyItem']
export type TotpSecret = Schemas['auth.Secret']
export type User = Schemas['accounts.User']
export type Group = Schemas['accounts.Group']
export type Member = Schemas['accounts.Member']
export type Role = Schemas['accounts.Role']
export type Action = Schemas['accounts.Action']
export type Grant = Schemas['accounts.Grant']
export type NewGrant = Schemas['accounts.NewGrant']
export type Effect = Grant['effect']
export type Scope = Grant['scope']
export type Rights = Schemas['accounts.Rights']
export type Right = Rights['rights'][number]

// As many as a list tells at once.
const ALL = { limit: 1000 }

/** Return all items of a list that is told at once. */
async function items<Item>(answer: Promise<{ data?: { items: Item[] }; error?: unknown; response: Response }>): Promise<Item[]> {
  return (await ask(answer)).items
}

/** Return how the server lets people in; null where no plugin does that has accounts. */
export async function readAuthState(): Promise<AuthState | null> {
  try {
    return await ask(api.GET('/api/v1/auth/state'))
  } catch (error) {
    const problem = toProblem(error)
    if (problem.status === 404) return null
    throw problem
  }
}

// A session is kept where no script can read it.
const COOKIE = { bearer: false }

export const login = {
  setUp: (setup: Omit<Schemas['auth.Setup'], 'bearer'>) => ask(api.POST('/api/v1/auth/setup', { body: { ...setup, ...COOKIE } })),
  password: (method: string, name: string, password: string) =>
    ask(api.POST('/api/v1/auth/login', { body: { method, name, password, ...COOKIE } })),
  secondFactor: (challenge: string, code: string) => ask(api.POST('/api/v1/auth/login/second-factor', { body: { challenge, code } })),
  totp: (challenge: string) => ask(api.POST('/api/v1/auth/login/totp', { body: { challenge } })),
  newPassword: (challenge: string, password: string) =>
    ask(api.POST('/api/v1/auth/login/new-password', { body: { challenge, password } })),
  /** Without a challenge to log in by the passkey alone. */
  passkeyOptions: (challenge: string | null) => ask(api.POST('/api/v1/auth/login/passkey-options', { body: { challenge } })),
  passkey: (challenge: string, credential: Record<string, unknown>) =>
    ask(api.POST('/api/v1/auth/login/passkey', { body: { challenge, credential, ...COOKIE } })),
  start: (method: string, back: string) =>
    ask(api.POST('/api/v1/auth/login/{method}/start', { params: { path: { method } }, body: { return: back, loopback: null } })),
  out: () => ask(api.POST('/api/v1/auth/logout')),
}

/** What somebody does with their own account; the password that proves it is them is empty where they have none. */
export const me = {
  read: () => ask(api.GET('/api/v1/auth/me')),
  changePassword: (old: string, fresh: string) => ask(api.PUT('/api/v1/auth/me/password', { body: { old, new: fresh } })),
  sessions: () => items(api.GET('/api/v1/auth/me/sessions', { params: { query: ALL } })),
  endSession: (session_id: string) => ask(api.DELETE('/api/v1/auth/me/sessions/{session_id}', { params: { path: { session_id } } })),
  tokens: () => items(api.GET('/api/v1/auth/me/tokens', { params: { query: ALL } })),
  makeToken: (token: NewToken) => ask(api.POST('/api/v1/auth/me/tokens', { body: token })),
  removeToken: (token_id: string) => ask(api.DELETE('/api/v1/auth/me/tokens/{token_id}', { params: { path: { token_id } } })),
  beginTotp: (password: string) => ask(api.POST('/api/v1/auth/me/totp', { body: { password } })),
  finishTotp: (code: string) => ask(api.PUT('/api/v1/auth/me/totp', { body: { code } })),
  removeTotp: (password: string) => ask(api.DELETE('/api/v1/auth/me/totp', { body: { password } })),
  newRecoveryCodes: (password: string) => ask(api.POST('/api/v1/auth/me/recovery-codes', { body: { password } })),
  passkeys: () => items(api.GET('/api/v1/auth/me/passkeys', { params: { query: ALL } })),
  passkeyOptions: (password: string) => ask(api.POST('/api/v1/auth/me/passkeys/options', { body: { password } })),
  addPasskey: (challenge: string, name: string, credential: Record<string, unknown>) =>
    ask(api.POST('/api/v1/auth/me/passkeys', { body: { challenge, name, credential } })),
  removePasskey: (passkey_id: string, password: string) =>
    ask(api.DELETE('/api/v1/auth/me/passkeys/{passkey_id}', { params: { path: { passkey_id } }, body: { password } })),
}

/** What is done with the logins and tokens of others. */
export const others = {
  sessions: (name: string) => items(api.GET('/api/v1/sessions', { params: { query: { ...ALL, name } } })),
  endSession: (session_id: string) => ask(api.DELETE('/api/v1/sessions/{session_id}', { params: { path: { session_id } } })),
  tokens: (account: string) => items(api.GET('/api/v1/tokens', { params: { query: { ...ALL, account } } })),
  makeToken: (account: string, token: NewToken) => ask(api.POST('/api/v1/tokens', { body: { account, ...token } })),
  removeToken: (token_id: string) => ask(api.DELETE('/api/v1/tokens/{token_id}', { params: { path: { token_id } } })),
  setPassword: (name: string, password: string) =>
    ask(api.PUT('/api/v1/passwords/{name}', { params: { path: { name } }, body: { password, must_change: true } })),
  removeSecondFactors: (name: string) => ask(api.DELETE('/api/v1/second-factors/{name}', { params: { path: { name } } })),
}

export const users = {
  create: (user: Schemas['accounts.NewUser']) => ask(api.POST('/api/v1/users', { body: user })),
  change: (name: string, change: Schemas['accounts.ChangedUser']) =>
    ask(api.PATCH('/api/v1/users/{name}', { params: { path: { name } }, body: change })),
  remove: (name: string) => ask(api.DELETE('/api/v1/users/{name}', { params: { path: { name } } })),
}

export const groups = {
  members: (name: string) => items(api.GET('/api/v1/groups/{name}/members', { params: { path: { name }, query: ALL } })),
  create: (group: Schemas['accounts.NewGroup']) => ask(api.POST('/api/v1/groups', { body: group })),
  change: (name: string, description: string) =>
    ask(api.PATCH('/api/v1/groups/{name}', { params: { path: { name } }, body: { description } })),
  remove: (name: string) => ask(api.DELETE('/api/v1/groups/{name}', { params: { path: { name } } })),
  add: (name: string, account: string) =>
    ask(api.POST('/api/v1/groups/{name}/members', { params: { path: { name } }, body: { name: account } })),
  takeOut: (name: string, account: string) =>
    ask(api.DELETE('/api/v1/groups/{name}/members/{account}', { params: { path: { name, account } } })),
}

export const roles = {
  actions: () => items(api.GET('/api/v1/actions', { params: { query: ALL } })),
  create: (role: Schemas['accounts.NewRole']) => ask(api.POST('/api/v1/roles', { body: role })),
  change: (name: string, change: Schemas['accounts.ChangedRole']) =>
    ask(api.PATCH('/api/v1/roles/{name}', { params: { path: { name } }, body: change })),
  remove: (name: string) => ask(api.DELETE('/api/v1/roles/{name}', { params: { path: { name } } })),
}

export const grants = {
  create: (grant: NewGrant) => ask(api.POST('/api/v1/grants', { body: grant })),
  remove: (number: number) => ask(api.DELETE('/api/v1/grants/{number}', { params: { path: { number } } })),
  rights: (query: { account: string; group: string; kind: string; name: string }) => ask(api.GET('/api/v1/rights', { params: { query } })),
}

export type Quota = Schemas['accounts.Quota']
/** What a quota can limit; null is no limit. */
export type Limits = Pick<Quota, 'replicas' | 'cpus' | 'memory_bytes' | 'replicas_per_service'>

export const quotas = {
  list: () => items(api.GET('/api/v1/quotas', { params: { query: ALL } })),
  create: (quota: Schemas['accounts.NewQuota']) => ask(api.POST('/api/v1/quotas', { body: quota })),
  change: (name: string, change: Schemas['accounts.ChangedQuota']) =>
    ask(api.PATCH('/api/v1/quotas/{name}', { params: { path: { name } }, body: change })),
  remove: (name: string) => ask(api.DELETE('/api/v1/quotas/{name}', { params: { path: { name } } })),
}
