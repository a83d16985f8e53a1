/** The columns of who uses what. */
import type { FigureName, StatsKind, StatsRow } from '../../api/monitoring'
import { sayAmount, type Unit } from '../../parts/chart/amounts'
import { t as sayFigure } from '../../parts/figures/words'
import type { Column } from '../../parts/table/table'
import { t } from './words'

/** What has a page of its own, by its kind. */
export function pathOf(kind: StatsKind, row: StatsRow): string {
  const key = kind === 'tasks' || kind === 'nodes' ? row.id : row.name
  if (kind === 'containers') return `/containers/${encodeURIComponent(row.node ?? '-')}/${encodeURIComponent(row.name)}?tab=figures`
  return `/${kind}/${encodeURIComponent(key)}?tab=figures`
}

function figure(key: FigureName, unit: Unit, more: Partial<Column<StatsRow>> = {}): Column<StatsRow> {
  return {
    key,
    title: () => sayFigure(key),
    value: (row) => row[key],
    text: (row) => say(row[key], unit),
    align: 'right',
    width: 100,
    ...more,
  }
}

/** Write an amount that may not be known. */
export function say(amount: number | null, unit: Unit): string {
  return amount === null ? '–' : sayAmount(amount, unit)
}

function percent(key: 'cpu_percent' | 'memory_percent'): Column<StatsRow> {
  return { key, title: () => t(key), value: (row) => row[key], text: (row) => say(row[key], 'percent'), align: 'right', width: 80 }
}

/** Return the columns of a kind. */
export function columnsOf(kind: StatsKind): Column<StatsRow>[] {
  const isPart = kind === 'tasks' || kind === 'containers'
  return [
    { key: 'name', title: () => t('name'), value: (row) => row.name, narrow: true, width: 240 },
    ...(isPart ? [{ key: 'node', title: () => t('node'), value: (row: StatsRow) => row.node, width: 140 }] : []),
    ...(kind === 'nodes' || kind === 'stacks' ? [] : [{ key: 'stack', title: () => t('stack'), value: (row: StatsRow) => row.stack, width: 140, optional: true }]),
    figure('cpu', 'cores', { narrow: true, width: 90 }),
    { key: 'course', title: () => t('course'), value: () => null, unsorted: true, width: 90 },
    percent('cpu_percent'),
    figure('memory', 'bytes', { narrow: true, width: 90 }),
    percent('memory_percent'),
    figure('network_received', 'bytes-per-second', { title: () => t('received') }),
    figure('network_sent', 'bytes-per-second', { title: () => t('sent') }),
    figure('disk_read', 'bytes-per-second', { title: () => t('read') }),
    figure('disk_written', 'bytes-per-second', { title: () => t('written') }),
    figure('pids', 'count', { width: 85 }),
    ...(isPart ? [] : [{ key: 'containers', title: () => t('containers'), value: (row: StatsRow) => row.containers, align: 'right' as const, width: 95, optional: true }]),
    {
      key: 'missing',
      title: () => t('missing'),
      value: (row) => row.missing || null,
      text: (row) => (row.missing ? t('notKnown', { n: row.missing }) : ''),
      width: 110,
      optional: true,
    },
  ]
}
