/** Nodes: what the Engine tells of one, what is wrong with it, and what its tasks take of it. */
import type { Source, SwarmNode } from '../../api/types'
import { compareTexts } from '../../words/order'

export const STATES = ['ready', 'down', 'disconnected', 'unknown'] as const
export const AVAILABILITIES = ['active', 'pause', 'drain'] as const

export type Fault = 'down' | 'unreachable' | 'drained' | 'paused'

/** Return what is not as it should be with a node, the worst of it; null when nothing is. */
export function faultOf(node: SwarmNode): Fault | null {
  if (node.state !== 'ready') return 'down'
  if (node.ManagerStatus?.Reachability === 'unreachable') return 'unreachable'
  if (node.availability === 'drain') return 'drained'
  return node.availability === 'pause' ? 'paused' : null
}

/** Why the own Engines of nodes are not reached, by the ids of those nodes. */
export type Unreached = ReadonlyMap<string, string>

/**
 * Return the nodes that are ready, but whose own Engines are not reached. Of a node that is down nobody expects it, and
 * on one that is drained the Swarm runs no agent: that it is drained says more.
 *
 * @param sources The nodes by name, as an answer tells where it comes from.
 */
export function unreachedOf(nodes: readonly SwarmNode[], sources: readonly Source[]): Unreached {
  const found = new Map<string, string>()
  for (const node of nodes.filter((each) => each.state === 'ready' && each.availability !== 'drain')) {
    // Of two nodes by the same name nobody knows which of them it is that answers.
    const own = sources.filter((source) => source.name === node.name)
    const error = own.every((source) => source.state !== 'fresh') && own.find((source) => source.error)?.error
    if (error) found.set(node.ID, error)
  }
  return found
}

/** Return what a node is marked with: how it is, unless its Engine is not reached or somebody keeps tasks from it. */
export function markOf(node: SwarmNode, unreached?: Unreached): string {
  if (node.state !== 'ready') return node.state
  if (unreached?.has(node.ID)) return 'unreachable'
  return node.availability === 'active' ? 'ready' : node.availability
}

/** Return the nodes with what is wrong first, then by name. */
export function worstFirst(nodes: readonly SwarmNode[], unreached?: Unreached): SwarmNode[] {
  const order = ['down', 'unreachable', 'drained', 'paused', 'ready']
  const rank = (node: SwarmNode): number =>
    Math.min(order.indexOf(faultOf(node) ?? 'ready'), unreached?.has(node.ID) ? order.indexOf('unreachable') : order.length)
  return [...nodes].sort((a, b) => rank(a) - rank(b) || byName(a, b))
}

/** Compare nodes by name as people sort them. */
export function byName(a: { name: string }, b: { name: string }): number {
  return compareTexts(a.name, b.name)
}

/** Return where a node is found: by its name, unless another node bears the same. */
export function pathOf(node: SwarmNode, all: readonly SwarmNode[]): string {
  const alone = all.every((other) => other === node || other.name !== node.name)
  return `/nodes/${encodeURIComponent(alone ? node.name : node.ID)}`
}

export interface Amount {
  cpus: number
  bytes: number
}

/** Return what a node has. */
export function capacityOf(node: SwarmNode): Amount {
  const { cpus, memory_bytes } = node.capacity.total
  return { cpus, bytes: memory_bytes }
}

/** Return a part of something in percent; 0 where there is nothing to have a part of. */
export function percentOf(part: number, whole: number): number {
  return whole > 0 ? Math.round((100 * part) / whole) : 0
}

/** Write labels as docker shows them. */
export function sayLabels(labels: Record<string, string> | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join(', ')
}
