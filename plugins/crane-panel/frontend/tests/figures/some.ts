/** Figures for tests: as the API gives them, as far as a test does not say otherwise. */
import type { FigureName, Stats, StatsRow } from '../../src/api/monitoring'

export const FIGURES: FigureName[] = ['cpu', 'memory', 'network_received', 'network_sent', 'disk_read', 'disk_written', 'pids']

/** Return what something used: points of all figures, of the whole or of several tasks. */
export function stats(points: [number, number][], tasks: [string, string][] = [], more: Partial<Stats> = {}): Stats {
  const named = tasks.length ? tasks : [[null, null] as const]
  return {
    since: '2026-03-01T11:00:00Z',
    until: '2026-03-01T12:00:00Z',
    step: 15,
    pace: 30,
    sources: [],
    figures: FIGURES.map((name) => ({
      name,
      unit: name === 'cpu' ? 'cores' : 'bytes',
      series: named.map(([task, task_id], at) => ({ task, task_id, points: points.map(([time, figure]): [number, number] => [time + at, figure + at]) })),
    })),
    ...more,
  }
}

/** Return what something uses at present. */
export function row(name: string, more: Partial<StatsRow> = {}): StatsRow {
  return {
    id: name,
    name,
    stack: 'shop',
    service: null,
    node: null,
    cpu: 0.5,
    cpu_limit: 1,
    cpu_percent: 50,
    memory: 1024 ** 2,
    memory_limit: null,
    memory_percent: null,
    network_received: 10,
    network_sent: 20,
    disk_read: null,
    disk_written: 0,
    pids: 3,
    containers: 1,
    missing: 0,
    sampled_at: '2026-03-01T12:00:02Z',
    stale: false,
    ...more,
  }
}
