/** Networks: asking for them, and saying what they are. */
import { api, ask } from '../../api/client'
import type { Graph, Network } from '../../api/types'
import { t } from './words'

export const pathOf = (id: string): string => `/networks/${encodeURIComponent(id)}`

/** Say what is special about a network. */
export function propertiesOf(network: Pick<Network, 'Attachable' | 'Internal' | 'Ingress' | 'encrypted' | 'predefined'>): string {
  const told = [
    network.Ingress && t('ingress'),
    network.Attachable && t('attachable'),
    network.Internal && t('internal'),
    network.encrypted && t('encrypted'),
    network.predefined && !network.Ingress && t('predefined'),
  ]
  return told.filter(Boolean).join(', ')
}

export interface Wish {
  name: string
  driver: string
  node?: string
  attachable: boolean
  internal: boolean
  encrypted: boolean
  ipv6: boolean
  options: Record<string, string>
  labels: Record<string, string>
  ipam?: { config: { subnet: string; gateway?: string; ip_range?: string }[] }
}

export async function create(wish: Wish): Promise<Network> {
  return (await ask(api.POST('/api/v1/networks', { body: wish as never }))) as Network
}

export async function remove(id: string): Promise<void> {
  await ask(api.DELETE('/api/v1/networks/{name}', { params: { path: { name: id } } }))
}

export async function connect(id: string, wish: { container: string; aliases: string[]; ipv4_address?: string }): Promise<void> {
  await ask(api.POST('/api/v1/networks/{name}/connect', { params: { path: { name: id } }, body: wish as never }))
}

export async function disconnect(id: string, container: string): Promise<void> {
  const body = { container, force: false }
  await ask(api.POST('/api/v1/networks/{name}/disconnect', { params: { path: { name: id } }, body }))
}

export function readGraph(): Promise<Graph> {
  return ask(api.GET('/api/v1/networks/graph'))
}
