/** The drawing of a chart, by uPlot: lines over time on a canvas, with a cursor that several charts share. */
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { sayTick, stepsOf, topOf, type Unit } from './amounts'
import type { Series } from './series'
import { sayMoment } from './times'

/** So many lines differ by colour; as many again by dashes. */
export const COLOURS = 6
const LINE_WIDTH = 1.5
const DASHES = [5, 3]
/** A drag that is shorter than so many pixels is a click. */
const SHORTEST_DRAG = 8
/** Where a cursor is that is not to be seen. */
const NOWHERE = -10
/** So many pixels the amounts at the axis take. */
const ROOM: Record<Unit, number> = { cores: 44, percent: 50, bytes: 64, 'bytes-per-second': 76, count: 44 }
/** A limit that is more than so many times what there is would flatten it; the legend names it all the same. */
const FAR = 2

export interface Range {
  from: number
  to: number
}

export interface Wishes {
  unit: Unit
  lines: number
  /** Charts of one group share their cursor. */
  group: string
  width: number
  height: number
  range: Range
  limit: number | null
  onCursor: (at: number | null) => void
  onZoom: (range: Range) => void
  onWhole: () => void
}

/** Return the name of the colour of a line. */
export function colourOf(line: number): string {
  return `--chart-${(line % COLOURS) + 1}`
}

/** Tell whether a line is dashed, because others have its colour already. */
export function isDashed(line: number): boolean {
  return line % (2 * COLOURS) >= COLOURS
}

/** A chart that is drawn into an element. */
export class Plot {
  private readonly plot: uPlot
  private range: Range
  private limit: number | null

  constructor(element: HTMLElement, wishes: Wishes, series: Series) {
    this.range = wishes.range
    this.limit = wishes.limit
    const colour = (name: string) => (): string => getComputedStyle(element).getPropertyValue(name)
    const axis: Partial<uPlot.Axis> = {
      stroke: colour('--text-2'),
      grid: { stroke: colour('--border'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    }
    const options: uPlot.Options = {
      width: wishes.width,
      height: wishes.height,
      // The moment at the right edge is written half beyond it.
      padding: [8, 26, 0, 0],
      legend: { show: false },
      series: [{}, ...Array.from({ length: wishes.lines }, (_, line) => lineOf(line, colour))],
      scales: {
        x: { time: true, range: () => [this.range.from, this.range.to] },
        y: { range: (_, _low, high) => [0, topOf(this.highest(high ?? 0), wishes.unit)] },
      },
      axes: [
        { ...axis, space: 70, size: 28, values: (_, splits, _axis, _space, apart) => splits.map((each) => sayMoment(each, apart)) },
        {
          ...axis,
          space: 28,
          size: ROOM[wishes.unit],
          incrs: stepsOf(wishes.unit),
          values: (_, splits) => splits.map((each) => sayTick(each, wishes.unit)),
        },
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: SHORTEST_DRAG },
        // Where one chart is pointed at, the others of the group show the same moment; each is dragged by itself.
        sync: { key: wishes.group, scales: ['x', null], setSeries: false, filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
        bind: { dblclick: () => () => (wishes.onWhole(), null) },
        points: { size: 6 },
      },
      hooks: {
        setCursor: [(plot) => wishes.onCursor(isOn(plot) ? (plot.cursor.idx ?? null) : null)],
        setSelect: [(plot) => this.zoom(plot, wishes.onZoom)],
        draw: [(plot) => this.drawLimit(plot, colour('--bad'))],
      },
    }
    this.plot = new uPlot(options, dataOf(series), element)
  }

  /** Show other figures. */
  show(series: Series): void {
    this.plot.setData(dataOf(series), true)
  }

  /** Show another span of time, another limit. */
  setRange(range: Range, limit: number | null): void {
    this.range = range
    this.limit = limit
    this.plot.redraw(true, true)
    this.plot.setData(this.plot.data, true)
  }

  /** Draw again, as after the colours have changed. */
  redraw(): void {
    this.plot.redraw(false, true)
  }

  resize(width: number, height: number): void {
    this.plot.setSize({ width, height })
  }

  /** Show a line, or hide it. */
  setShown(line: number, shown: boolean): void {
    this.plot.setSeries(line + 1, { show: shown })
  }

  /** Put the cursor on a moment, in this chart and those of its group; nowhere for null. */
  point(at: number | null): void {
    const { cursor, data, over } = this.plot
    const time = at === null ? undefined : data[0][at]
    const [left, top] = time === undefined ? [NOWHERE, NOWHERE] : [this.plot.valToPos(time, 'x'), over.clientHeight / 2]
    this.plot.setCursor({ left, top }, true)
    // What the pointer does is told to the others by itself, this is not.
    cursor.sync!.values = [time ?? NaN, NaN]
    uPlot.sync(cursor.sync!.key).pub('mousemove', this.plot, left, top, over.clientWidth, over.clientHeight, at ?? -1)
  }

  destroy(): void {
    this.plot.destroy()
  }

  private highest(ofFigures: number): number {
    return this.limit !== null && this.limit <= ofFigures * FAR ? Math.max(this.limit, ofFigures) : ofFigures
  }

  private zoom(plot: uPlot, tell: (range: Range) => void): void {
    const { left, width } = plot.select
    if (width < SHORTEST_DRAG) return
    const range = { from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') }
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    tell(range)
  }

  private drawLimit(plot: uPlot, colour: () => string): void {
    const top = plot.scales['y']?.max
    if (this.limit === null || top === undefined || this.limit > top) return
    const y = Math.round(plot.valToPos(this.limit, 'y', true)) + 0.5
    const { ctx, bbox } = plot
    ctx.save()
    ctx.strokeStyle = colour()
    ctx.lineWidth = 1
    ctx.setLineDash([2 * DASHES[0]!, DASHES[1]!])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    ctx.restore()
  }
}

function lineOf(line: number, colour: (name: string) => () => string): uPlot.Series {
  return {
    stroke: colour(colourOf(line)),
    width: LINE_WIDTH,
    dash: isDashed(line) ? DASHES : undefined,
    // Lone figures between gaps would not be seen at all.
    points: { show: false, size: 4, fill: colour(colourOf(line)), filter: (plot, at) => lonely(plot.data[at] ?? []) },
  }
}

function lonely(column: ArrayLike<number | null | undefined>): number[] {
  const none = (at: number): boolean => (column[at] ?? null) === null
  return Array.from({ length: column.length }, (_, at) => at).filter((at) => !none(at) && none(at - 1) && none(at + 1))
}

function dataOf(series: Series): uPlot.AlignedData {
  return [series.times, ...series.columns]
}

function isOn(plot: uPlot): boolean {
  return (plot.cursor.left ?? -1) >= 0
}
