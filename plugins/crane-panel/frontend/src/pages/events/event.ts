/** One event: how bad it is, what it is about, and what is known of it in one line. */
import type { HappenedEvent } from '../../api/monitoring'
import type { Tone } from '../../parts/states'
import { LOST } from './log'
import { t } from './words'

const BAD = new Set(['task.failed', 'task.rejected', 'task.orphaned', 'container.oom', 'engine.lost', 'access.denied'])
const WELL = new Set(['task.running', 'task.complete', 'container.start', 'engine.returned', 'node.joined'])

/** Return the colour of an event: most are neither good nor bad. */
export function toneOf(event: HappenedEvent): Tone {
  if (event.kind === LOST) return 'warn'
  if (BAD.has(event.kind)) return 'bad'
  if (event.kind === 'container.die' && !['', '0', 0, undefined].includes(event.detail['exitCode'] as string)) return 'bad'
  if (event.kind === 'container.health_status: unhealthy') return 'warn'
  if (event.kind === 'node.changed') return (event.detail['new'] as { state?: string } | null)?.state === 'down' ? 'bad' : 'off'
  return WELL.has(event.kind) ? 'ok' : 'off'
}

/** Return what stands before the dot of a kind: what it happened to. */
export function subjectOf(event: HappenedEvent): string {
  return event.kind.split('.', 1)[0]!
}

/** Return where the thing is found that an event is about; null for what has no page. */
export function pathOf(event: HappenedEvent): string | null {
  const name = encodeURIComponent(event.name)
  const id = encodeURIComponent(event.id)
  const paths: Record<string, string> = {
    service: `/services/${name}`,
    stack: `/stacks/${name}`,
    task: `/tasks/${id}`,
    node: `/nodes/${id}`,
    operation: `/operations/${id}`,
    container: `/containers/${encodeURIComponent(event.node ?? '-')}/${name}`,
    network: `/networks/${id}`,
    secret: `/secrets/${name}`,
    config: `/configs/${name}`,
  }
  const path = paths[subjectOf(event)]
  return path && !path.endsWith('/') ? path : null
}

/** Say what else is known of an event, in one line. */
export function sayDetail(event: HappenedEvent): string {
  if (event.kind === LOST) return sayLost(event)
  return Object.entries(event.detail)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => (name === 'error' ? String(value) : `${name}: ${plain(value)}`))
    .join(', ')
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Say why there is a hole. */
export function sayLost(event: HappenedEvent): string {
  const code = String(event.detail['code'] ?? '')
  if (code === 'cursor-too-old') return t('tooOld')
  if (code === 'server-restarted') return t('restarted')
  return code === 'node-unreachable' ? t('nodeSilent', { node: event.node ?? '–' }) : t('lost')
}
