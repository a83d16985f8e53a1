/** What changed last: operations that ended, and services and nodes that changed besides. */
import type { Operation, Service, SwarmNode } from '../../api/types'

export type Latest =
  | { kind: 'operation'; key: string; at: string; operation: Operation }
  | { kind: 'service'; key: string; at: string; service: Service; created: boolean }
  | { kind: 'node'; key: string; at: string; node: SwarmNode; created: boolean }

/** The Swarm goes on counting a service as changed for a moment after an operation has its verdict. */
const AFTER = 10_000

/** Return the latest changes, the newest first; what an operation did to its services is told by the operation. */
export function latest(
  operations: readonly Operation[],
  services: readonly Service[],
  nodes: readonly SwarmNode[],
  count: number,
): Latest[] {
  const ended: Latest[] = operations
    .filter((operation) => operation.ended_at !== null)
    .map((operation) => ({ kind: 'operation', key: operation.id, at: operation.ended_at!, operation }))
  const spans = spansOf(operations)
  const changed: Latest[] = services
    .filter((service) => !spans.some((span) => span.has(service)))
    .map((service) => ({
      kind: 'service',
      key: service.ID,
      at: service.UpdatedAt,
      service,
      created: service.UpdatedAt === service.CreatedAt,
    }))
  const moved: Latest[] = nodes
    .filter((node) => node.UpdatedAt)
    .map((node) => ({ kind: 'node', key: node.ID, at: node.UpdatedAt!, node, created: node.UpdatedAt === node.CreatedAt }))
  return [...ended, ...changed, ...moved].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, count)
}

/** For each operation, which services it was changing when. */
function spansOf(operations: readonly Operation[]): { has: (service: Service) => boolean }[] {
  return operations.map((operation) => {
    const names = new Set(operation.services.map((service) => service.name))
    const from = Date.parse(operation.created_at) - 1000
    const to = operation.ended_at ? Date.parse(operation.ended_at) + AFTER : Infinity
    return {
      has: (service) => {
        const at = Date.parse(service.UpdatedAt)
        return names.has(service.name) && at >= from && at <= to
      },
    }
  })
}
