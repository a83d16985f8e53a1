/** Operations in words: what each does to what, how it stands, and where that is found. */
import type { Operation, ServiceProgress } from '../api/types'
import { words } from '../words'
import { duration } from './differences'

const t = words(
  {
    'stack.deploy': 'Deploy stack',
    'stack.rollback': 'Roll back stack',
    'stack.remove': 'Remove stack',
    'service.create': 'Create service',
    'service.update': 'Update service',
    'service.scale': 'Scale service',
    'service.image': 'Change image',
    'service.force': 'Force update',
    'service.rollback': 'Roll back service',
    'service.remove': 'Remove service',
    'secret.rotate': 'Rotate secret',
    'config.rotate': 'Rotate config',
  },
  {
    'stack.deploy': '部署堆栈',
    'stack.rollback': '回滚堆栈',
    'stack.remove': '移除堆栈',
    'service.create': '创建服务',
    'service.update': '更新服务',
    'service.scale': '调整副本数',
    'service.image': '更换镜像',
    'service.force': '强制更新',
    'service.rollback': '回滚服务',
    'service.remove': '移除服务',
    'secret.rotate': '轮换密钥',
    'config.rotate': '轮换配置',
  },
)

/** The kinds of operations that the core has; plugins may have more. */
export const KINDS = [
  'stack.deploy',
  'stack.rollback',
  'stack.remove',
  'service.create',
  'service.update',
  'service.scale',
  'service.image',
  'service.force',
  'service.rollback',
  'service.remove',
  'secret.rotate',
  'config.rotate',
] as const

/** Say what an operation or plan of a kind does; a kind that is not known is named as the server names it. */
export function kindTitle(kind: string): string {
  return t(kind as (typeof KINDS)[number])
}

/** Return where the thing is found that an operation or plan changes; null where the panel has no page of it. */
export function targetPath(of: { kind: string; target: string }): string | null {
  if (of.kind.startsWith('stack.')) return `/stacks/${encodeURIComponent(of.target)}`
  return of.kind.startsWith('service.') ? `/services/${encodeURIComponent(of.target)}` : null
}

/** Return how an operation stands, or how it ended. */
export function standing(operation: Operation): string {
  if (!operation.verdict) return operation.state
  return operation.verdict.code === 'removed' ? 'removed' : operation.verdict.outcome
}

/** Return how far an operation is, from 0 to 100; null while nothing tells. */
export function progress(operation: Operation): number | null {
  if (operation.state === 'ended') return 100
  const total = operation.services.reduce((sum, service) => sum + expected(service), 0)
  if (total === 0) return null
  const done = operation.services.reduce((sum, service) => sum + reached(service), 0)
  return Math.min(100, Math.round((100 * done) / total))
}

function expected(service: ServiceProgress): number {
  return service.total || service.desired
}

function reached(service: ServiceProgress): number {
  return Math.min(expected(service), service.total ? service.updated : service.running)
}

/** Return operations with those that still run first, each the newest before the others. */
export function runningFirst(operations: readonly Operation[]): Operation[] {
  return [...operations].sort(
    (a, b) => Number(a.state === 'ended') - Number(b.state === 'ended') || b.created_at.localeCompare(a.created_at),
  )
}

/** Return how many seconds an operation took, or has taken by now. */
export function secondsOf(operation: Operation, now: number): number {
  const end = operation.ended_at ? Date.parse(operation.ended_at) : now
  return Math.max(0, (end - Date.parse(operation.created_at)) / 1000)
}

/** Write seconds as docker does: 1m30s; to the tenth below ten seconds. */
export function lasted(seconds: number): string {
  if (seconds < 10) return `${Math.round(seconds * 10) / 10}s`
  return duration(Math.round(seconds) * 1e9)
}
