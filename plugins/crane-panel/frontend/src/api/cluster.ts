/** Asking what is changed about nodes and the Swarm, and what only those are told who may have it. */
import { api, ask } from './client'
import type { components } from './schema'
import type { Named } from './types'

type Schemas = components['schemas']

export type Capacity = Schemas['Capacity']
export type Amount = Schemas['Amount']
export type DrainPlan = Schemas['DrainPlan']
export type Fate = Schemas['Fate']
/** The Swarm with the parts of its spec that the panel looks at. */
export type Swarm = Omit<Named<Schemas['Swarm']>, 'TLSInfo' | 'Spec'> & {
  TLSInfo?: { TrustRoot?: string }
  Spec: { Labels?: Record<string, string> }
}
export type SwarmChange = Schemas['SwarmChange']
export type JoinCommand = Schemas['JoinCommand']
export type Role = 'worker' | 'manager'
export type Availability = 'active' | 'pause' | 'drain'

export interface NodeChange {
  /** Null removes a label. */
  labels?: Record<string, string | null>
  role?: Role
  availability?: Availability
}

export interface NewNode {
  url: string
  role: Role
  tls?: { ca: string; certificate: string; key: string }
  labels?: Record<string, string>
}

export const nodes = {
  change: (name: string, change: NodeChange) => ask(api.PATCH('/api/v1/nodes/{name}', { params: { path: { name } }, body: change as never })),
  remove: (name: string, force: boolean) => ask(api.DELETE('/api/v1/nodes/{name}', { params: { path: { name }, query: { force } } })),
  plan: (name: string, availability: Availability) =>
    ask(api.GET('/api/v1/nodes/{name}/drain-plan', { params: { path: { name }, query: { availability } } })) as Promise<DrainPlan>,
  join: (node: NewNode) => ask(api.POST('/api/v1/nodes', { body: node as never })),
}

export const swarm = {
  read: () => ask(api.GET('/api/v1/swarm')) as Promise<Swarm>,
  change: (change: Partial<SwarmChange>) => ask(api.PATCH('/api/v1/swarm', { body: change as never })) as Promise<Swarm>,
  init: (advertise_address: string, autolock: boolean) => ask(api.POST('/api/v1/swarm/init', { body: { advertise_address, autolock } as never })),
  command: (role: Role) => ask(api.GET('/api/v1/swarm/join-command', { params: { query: { role } } })),
  rotateTokens: (roles: Role[]) => ask(api.POST('/api/v1/swarm/join-tokens/rotate', { body: { roles } })),
  rotateCa: (certificate: string, key: string) =>
    ask(api.POST('/api/v1/swarm/ca/rotate', { body: (certificate ? { certificate, key } : {}) as never })) as Promise<Swarm>,
  unlockKey: async () => (await ask(api.GET('/api/v1/swarm/unlock-key'))).unlock_key,
  rotateUnlockKey: () => ask(api.POST('/api/v1/swarm/unlock-key/rotate')),
  unlock: (unlock_key: string) => ask(api.POST('/api/v1/swarm/unlock', { body: { unlock_key } })),
}
