/** The figures of the dashboard, and where each leads. */
import type { Operation, Service, SwarmNode } from '../../api/types'
import { capacityOf, type Amount } from '../nodes/node'

export interface Figure {
  key: 'nodes' | 'services' | 'tasks' | 'operations'
  value: number
  /** Out of how many; null where there is nothing to reach. */
  total: number | null
  to: string
  tone: 'ok' | 'warn' | 'bad' | 'busy' | 'off'
}

/** Nothing to reach is no success. */
function calm(total: number): 'ok' | 'off' {
  return total > 0 ? 'ok' : 'off'
}

/** Count the nodes that are ready. */
export function nodeFigure(nodes: readonly SwarmNode[]): Figure {
  const ready = nodes.filter((node) => node.state === 'ready').length
  const all = ready === nodes.length
  return { key: 'nodes', value: ready, total: nodes.length, to: all ? '/nodes' : '/nodes?state=not-ready', tone: all ? 'ok' : 'bad' }
}

/** Count the services that are as they should be. */
export function serviceFigure(services: readonly Service[]): Figure {
  const others = services.filter((service) => service.state !== 'converged')
  const states = [...new Set(others.map((service) => service.state))]
  const [only] = states
  const to = only === undefined ? '/services' : states.length === 1 ? `/services?state=${only}` : '/services?sort=state'
  const bad = states.some((state) => state === 'degraded')
  const tone = only === undefined ? calm(services.length) : bad ? 'bad' : only === 'updating' && states.length === 1 ? 'busy' : 'warn'
  return { key: 'services', value: services.length - others.length, total: services.length, to, tone }
}

/** Count the tasks that run, of those that should. */
export function taskFigure(services: readonly Service[]): Figure {
  const running = services.reduce((sum, service) => sum + service.tasks_running, 0)
  const desired = services.reduce((sum, service) => sum + service.tasks_desired, 0)
  const enough = running >= desired
  return { key: 'tasks', value: running, total: desired, to: enough ? '/tasks' : '/tasks?sort=state', tone: enough ? calm(desired) : 'warn' }
}

/** Count the operations that run. */
export function operationFigure(operations: readonly Operation[]): Figure {
  const running = operations.filter((operation) => operation.state !== 'ended').length
  return { key: 'operations', value: running, total: null, to: '/operations?state=running', tone: running > 0 ? 'busy' : 'off' }
}

/** Return what all nodes that are ready have together. */
export function capacity(nodes: readonly SwarmNode[]): Amount {
  const ready = nodes.filter((node) => node.state === 'ready').map(capacityOf)
  return {
    cpus: ready.reduce((sum, each) => sum + each.cpus, 0),
    bytes: ready.reduce((sum, each) => sum + each.bytes, 0),
  }
}

/** Return what services reserve for their tasks that run. */
export function reserved(services: readonly Service[]): Amount {
  const total = { cpus: 0, bytes: 0 }
  for (const service of services) {
    const { NanoCPUs = 0, MemoryBytes = 0 } = service.Spec.TaskTemplate?.Resources?.Reservations ?? {}
    total.cpus += (NanoCPUs / 1e9) * service.tasks_running
    total.bytes += MemoryBytes * service.tasks_running
  }
  return total
}
