/** Objects of a Swarm for tests: as the API gives them, as far as a test does not say otherwise. */
import type { Operation, Plan, Service, SwarmNode, Task } from '../src/api/types'

export const AT = '2026-03-01T12:00:00Z'
export const NOW = Date.parse(AT)
export const before = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString()

let count = 0

export function task(more: Record<string, unknown> = {}): Task {
  count += 1
  const state = String(more['state'] ?? 'running')
  const at = String(more['at'] ?? AT)
  return {
    ID: `task${count}`,
    Version: { Index: 1 },
    CreatedAt: at,
    UpdatedAt: at,
    Status: { State: state, Timestamp: at },
    ServiceID: `id of ${String(more['service'] ?? 'shop_web')}`,
    Slot: 1,
    NodeID: 'n1',
    name: 'shop_web.1',
    service: 'shop_web',
    stack: 'shop',
    node: 'node1',
    image: 'nginx:1.27',
    desired_state: ['failed', 'rejected', 'shutdown'].includes(state) ? 'shutdown' : 'running',
    error: null,
    exit_code: null,
    ...more,
    state,
  } as Task
}

export function service(name: string, more: Record<string, unknown> = {}): Service {
  return {
    ID: `id of ${name}`,
    Version: { Index: 1 },
    CreatedAt: AT,
    UpdatedAt: AT,
    Spec: { Name: name },
    name,
    stack: null,
    mode: 'replicated',
    image: 'nginx:1.27',
    ports: [],
    state: 'converged',
    why: null,
    why_code: null,
    tasks_running: 1,
    tasks_desired: 1,
    tasks_completed: 0,
    ...more,
  } as Service
}

export function node(name: string, more: Record<string, unknown> = {}): SwarmNode {
  return {
    ID: `id of ${name}`,
    Version: { Index: 1 },
    CreatedAt: AT,
    UpdatedAt: AT,
    Description: { Resources: { NanoCPUs: 4e9, MemoryBytes: 8 * 1024 ** 3 } },
    name,
    role: 'worker',
    availability: 'active',
    state: 'ready',
    leader: false,
    address: '10.0.0.1',
    engine_version: '27.0.0',
    tasks_running: 0,
    capacity: {
      total: { cpus: 4, memory_bytes: 8 * 1024 ** 3, generic: {} },
      reserved: { cpus: 0, memory_bytes: 0, generic: {} },
      limited: { cpus: 0, memory_bytes: 0, generic: {} },
      free: { cpus: 4, memory_bytes: 8 * 1024 ** 3, generic: {} },
      unlimited_tasks: 0,
    },
    ...more,
  } as SwarmNode
}

export function operation(id: string, more: Record<string, unknown> = {}): Operation {
  return {
    id,
    kind: 'service.scale',
    target: 'shop_web',
    stack: 'shop',
    by: 'ann',
    plan_id: 'p1',
    state: 'following',
    created_at: AT,
    ended_at: null,
    timeout: null,
    steps: [],
    services: [],
    warnings: [],
    verdict: null,
    revision: 1,
    ...more,
  } as Operation
}

export function ended(id: string, outcome = 'converged', more: Record<string, unknown> = {}): Operation {
  const verdict = { outcome, cause: 'So it went.', code: outcome, services: [], created: [], advice: null }
  return operation(id, { state: 'ended', ended_at: AT, verdict, ...more })
}

export function plan(id: string, more: Record<string, unknown> = {}): Plan {
  return {
    id,
    kind: 'service.scale',
    target: 'shop_web',
    stack: 'shop',
    created_at: before(60),
    expires_at: before(-3600),
    applied_at: null,
    by: 'ann',
    prune: false,
    changes: [{ kind: 'service', name: 'shop_web', action: 'update', fields: [], restarts: 0 }],
    warnings: [],
    violations: [],
    summary: { create: 0, update: 1, remove: 0, keep: 0, restarts: 0 },
    ...more,
  } as unknown as Plan
}
