/** What is not as it should be: services and nodes, the worst first, and since when. */
import type { Place, Service, SwarmNode, Task } from '../../api/types'
import type { NodeEngine } from '../engines/engine'
import { faultOf, type Fault } from '../nodes/node'
import { hasFailed, isAlive, sinceOf as taskSince } from '../tasks/task'
import { compareTexts } from '../../words/order'

export type Trouble =
  | { kind: 'service'; key: string; service: Service }
  | { kind: 'node'; key: string; node: SwarmNode; fault: Fault }
  | { kind: 'engines'; key: 'engines'; engines: NodeEngine[] }

/** From bad to harmless; what somebody did on purpose comes last. */
const ORDER = ['down', 'degraded', 'unreachable', 'engines', 'paused', 'rolled-back', 'updating', 'node paused', 'drained']

/** Return all that is not as it should be, the worst first. */
export function troubles(services: readonly Service[], nodes: readonly SwarmNode[], engines: readonly NodeEngine[]): Trouble[] {
  const found: Trouble[] = []
  // Of a node that is down nobody expects that its Engine answers.
  const ready = new Set(nodes.filter((node) => node.state === 'ready').map((node) => node.ID))
  const silent = engines.filter((engine) => engine.error && ready.has(engine.node_id))
  if (silent.length > 0) found.push({ kind: 'engines', key: 'engines', engines: silent })
  for (const node of nodes) {
    const fault = faultOf(node)
    if (fault) found.push({ kind: 'node', key: node.ID, node, fault })
  }
  for (const service of services) {
    if (service.state !== 'converged') found.push({ kind: 'service', key: service.ID, service })
  }
  return found.sort((a, b) => rank(a) - rank(b) || running(a) - running(b) || compareTexts(nameOf(a), nameOf(b)))
}

function rank(trouble: Trouble): number {
  if (trouble.kind === 'engines') return ORDER.indexOf('engines')
  if (trouble.kind === 'service') return ORDER.indexOf(trouble.service.state)
  return ORDER.indexOf(trouble.fault === 'paused' ? 'node paused' : trouble.fault)
}

function running(trouble: Trouble): number {
  if (trouble.kind !== 'service' || trouble.service.tasks_desired === 0) return 0
  return trouble.service.tasks_running / trouble.service.tasks_desired
}

function nameOf(trouble: Trouble): string {
  if (trouble.kind === 'engines') return ''
  return trouble.kind === 'service' ? trouble.service.name : trouble.node.name
}

export interface Since {
  at: string
  /** Whether it may have begun before, because the Swarm keeps only the last few attempts. */
  orEarlier: boolean
}

/** So many attempts at one place the Swarm keeps unless it is told otherwise. */
const ATTEMPTS_KEPT = 5

/**
 * Return since when a service is not as it should be.
 *
 * @param places Its tasks by place; null while they are not known.
 */
export function sinceWhen(service: Service, places: readonly Place[] | null): Since | null {
  const { StartedAt, CompletedAt } = service.UpdateStatus ?? {}
  if (service.state === 'updating') return known(StartedAt ?? service.UpdatedAt)
  if (service.state !== 'degraded') return known(CompletedAt ?? StartedAt ?? service.UpdatedAt)
  if (places === null) return null
  const broken = places.map(brokenSince).filter((since) => since !== null)
  // It has the tasks that it should have, and some besides: nothing tells since when.
  if (broken.length === 0) return null
  return broken.reduce((first, since) => (since.at < first.at ? since : first))
}

function known(at: string): Since {
  return { at, orEarlier: false }
}

/** Return since when no attempt at a place has worked; null while one does. */
function brokenSince(place: Place): Since | null {
  if (works(place.current)) return null
  const attempts = [place.current, ...place.earlier]
  const lastGood = attempts.findIndex((attempt) => !isAlive(attempt) && !hasFailed(attempt))
  const bad = lastGood === -1 ? attempts : attempts.slice(0, lastGood)
  const first = bad.at(-1)
  if (!first) return null
  // A task that failed worked until then; one that never got as far has not since it was made.
  const at = (hasFailed(first) ? taskSince(first) : first.CreatedAt) ?? first.CreatedAt
  return at === undefined ? null : { at, orEarlier: lastGood === -1 && attempts.length >= ATTEMPTS_KEPT }
}

function works(task: Task): boolean {
  return task.state === 'running' || task.state === 'complete'
}
