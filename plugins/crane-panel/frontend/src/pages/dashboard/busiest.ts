/** What the busiest nodes used lately, one line each. */
import { askStats, type FigureName, type Stats, type StatsRow } from '../../api/monitoring'
import { append, emptySeries, type Series } from '../../parts/chart/series'

export interface Busiest {
  nodes: { id: string; name: string }[]
  cpu: Series
  memory: Series
  /** Moments that are further apart than so many seconds have a gap between them. */
  gap: number
}

/** Return what nodes used since a moment. */
export async function readBusiest(rows: readonly StatsRow[], since: Date): Promise<Busiest> {
  const told = await Promise.all(rows.map((row) => askStats('nodes', row.id, since, false)))
  const step = Math.max(1, ...told.map((each) => each.step))
  return {
    nodes: rows.map(({ id, name }) => ({ id, name })),
    cpu: beside(told, 'cpu', step),
    memory: beside(told, 'memory', step),
    gap: 3 * Math.max(step, ...told.map((each) => each.pace ?? 0)),
  }
}

/** Put the same figure of several beside each other; they are measured at different moments within a step. */
function beside(told: readonly Stats[], name: FigureName, step: number): Series {
  const lines = told.map((each) => {
    const points = each.figures.find((figure) => figure.name === name)?.series[0]?.points ?? []
    return new Map(points.map(([time, figure]) => [Math.round(time / step) * step, figure]))
  })
  const times = [...new Set(lines.flatMap((line) => [...line.keys()]))].sort((a, b) => a - b)
  if (times.length === 0) return emptySeries(lines.length)
  return { times, columns: lines.map((line) => times.map((time) => line.get(time) ?? null)) }
}

/** Return it with what the same nodes use at present put behind; null when they are not the same any more. */
export function goOn(busiest: Busiest, rows: readonly StatsRow[], span: number): Busiest | null {
  const found = busiest.nodes.map((node) => rows.find((row) => row.id === node.id))
  if (found.length !== rows.length || found.some((row) => row === undefined)) return null
  const measured = found.map((row) => (row?.sampled_at && !row.stale ? Date.parse(row.sampled_at) / 1000 : 0))
  const time = Math.max(0, ...measured)
  if (time === 0) return busiest
  const figures = (name: 'cpu' | 'memory'): (number | null)[] => found.map((row) => (row && !row.stale ? row[name] : null))
  return {
    ...busiest,
    cpu: append(busiest.cpu, time, figures('cpu'), time - span),
    memory: append(busiest.memory, time, figures('memory'), time - span),
  }
}
