/** Which charts there are of what something uses, and what is drawn in each. */
import type { FigureName, Point, Stats, StatsRow } from '../../api/monitoring'
import { compareTexts } from '../../words/order'
import type { Unit } from '../chart/amounts'
import { append, emptySeries, type Series } from '../chart/series'
import { t } from './words'

export interface Chart {
  key: string
  title: string
  unit: Unit
  lines: string[]
  series: Series
  /** How many lines there would be, where only some are drawn. */
  total: number
}

interface Wanted {
  key: 'cpu' | 'memory' | 'network' | 'disk' | 'pids'
  unit: Unit
  /** Its lines: the figure that each shows, and what it is called. */
  lines: [FigureName, 'used' | 'received' | 'sent' | 'read' | 'written' | 'running'][]
}

const CHARTS: Wanted[] = [
  { key: 'cpu', unit: 'cores', lines: [['cpu', 'used']] },
  { key: 'memory', unit: 'bytes', lines: [['memory', 'used']] },
  { key: 'network', unit: 'bytes-per-second', lines: [['network_received', 'received'], ['network_sent', 'sent']] },
  { key: 'disk', unit: 'bytes-per-second', lines: [['disk_read', 'read'], ['disk_written', 'written']] },
  { key: 'pids', unit: 'count', lines: [['pids', 'running']] },
]
/** So many lines are told apart in one chart. */
const MOST_LINES = 12

/** Return the charts of what something uses as a whole. */
export function chartsOf(stats: Stats): Chart[] {
  const told = new Map(stats.figures.map((figure) => [figure.name, figure.series[0]?.points ?? []]))
  // What is read from Prometheus does not count processes.
  return CHARTS.filter((wanted) => wanted.lines.some(([figure]) => told.has(figure))).map((wanted) => ({
    key: wanted.key,
    ...titlesOf(wanted),
    unit: wanted.unit,
    series: align(wanted.lines.map(([figure]) => told.get(figure) ?? [])),
    total: wanted.lines.length,
  }))
}

/** Return charts of something as a whole, as the language of the moment calls them and their lines. */
export function named(charts: readonly Chart[]): Chart[] {
  return charts.map((chart) => {
    const wanted = CHARTS.find((each) => each.key === chart.key)
    return wanted ? { ...chart, ...titlesOf(wanted) } : chart
  })
}

function titlesOf(wanted: Wanted): Pick<Chart, 'title' | 'lines'> {
  return { title: t(wanted.key), lines: wanted.lines.map(([, title]) => t(title)) }
}

/** Return the charts of what each of its tasks uses: of very many, those with the highest figures. */
export function chartsByTask(stats: Stats): Chart[] {
  return CHARTS.flatMap(({ unit, lines }) => lines.map(([name]) => ({ unit, name }))).flatMap(({ unit, name }) => {
    const all = stats.figures.find((figure) => figure.name === name)?.series
    if (!all) return []
    const drawn = [...all].sort((a, b) => highest(b.points) - highest(a.points)).slice(0, MOST_LINES)
    // In the order of their names a task keeps its colour in all charts, as long as there are few.
    drawn.sort((a, b) => compareTexts(`${a.task ?? ''} ${a.task_id ?? ''}`, `${b.task ?? ''} ${b.task_id ?? ''}`))
    return [
      {
        key: name,
        title: t(name),
        unit,
        lines: namesOf(drawn),
        series: align(drawn.map((each) => each.points.map(([time, figure]): Point => [snap(time, stats.step), figure]))),
        total: all.length,
      },
    ]
  })
}

/** Two attempts at one place have one name; the beginning of their ids tells them apart. */
function namesOf(series: Stats['figures'][number]['series']): string[] {
  const names = series.map((each) => each.task ?? each.task_id ?? '–')
  return names.map((name, at) => {
    const alone = names.filter((other) => other === name).length === 1
    return alone ? name : `${name} ${(series[at]!.task_id ?? '').slice(0, 6)}`
  })
}

function highest(points: readonly Point[]): number {
  return points.reduce((most, [, figure]) => Math.max(most, figure), 0)
}

function snap(time: number, step: number): number {
  return Math.round(time / step) * step
}

/** Put lines whose points are at different moments beside each other. */
function align(lines: readonly (readonly Point[])[]): Series {
  const times = [...new Set(lines.flatMap((points) => points.map(([time]) => time)))].sort((a, b) => a - b)
  if (times.length === 0) return emptySeries(lines.length)
  return {
    times,
    columns: lines.map((points) => {
      const figures = new Map(points)
      return times.map((time) => figures.get(time) ?? null)
    }),
  }
}

/**
 * Return charts with what is used at present put behind what was.
 *
 * @param span How many seconds they show; what is older goes.
 * @param apart A point that is nearer than so many seconds to the last one is left out.
 */
export function withPresent(charts: readonly Chart[], row: StatsRow, span: number, apart: number): Chart[] {
  const time = row.sampled_at === null ? NaN : Date.parse(row.sampled_at) / 1000
  if (Number.isNaN(time)) return [...charts]
  return charts.map((chart) => {
    const wanted = CHARTS.find((each) => each.key === chart.key)
    const last = chart.series.times.at(-1)
    if (!wanted || (last !== undefined && time - last < apart)) return chart
    return { ...chart, series: append(chart.series, time, wanted.lines.map(([figure]) => row[figure]), time - span) }
  })
}
