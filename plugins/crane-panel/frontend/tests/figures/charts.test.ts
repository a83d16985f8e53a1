/** Which charts there are, and what is drawn in each. */
import { describe, expect, it } from 'vitest'
import { chartsByTask, chartsOf, withPresent } from '../../src/parts/figures/charts'
import { row, stats } from './some'

const AT = Date.parse('2026-03-01T12:00:00Z') / 1000

describe('the charts of something', () => {
  it('show what belongs together in one', () => {
    const charts = chartsOf(stats([[AT - 15, 1], [AT, 2]]))

    expect(charts.map((chart) => [chart.key, chart.lines])).toEqual([
      ['cpu', ['used']],
      ['memory', ['used']],
      ['network', ['received', 'sent']],
      ['disk', ['read', 'written']],
      ['pids', ['running']],
    ])
    expect(charts[2]!.series).toEqual({ times: [AT - 15, AT], columns: [[1, 2], [1, 2]] })
  })

  it('are those that were measured: Prometheus counts no processes', () => {
    const told = stats([[AT, 1]])

    expect(chartsOf({ ...told, figures: told.figures.slice(0, 6) }).map((chart) => chart.key)).toEqual(['cpu', 'memory', 'network', 'disk'])
  })

  it('have no figure where only the other line has one', () => {
    const told = stats([[AT, 1]])
    told.figures[3]!.series[0]!.points = [[AT + 15, 7]]

    expect(chartsOf(told)[2]!.series).toEqual({ times: [AT, AT + 15], columns: [[1, null], [null, 7]] })
  })

  it('go on with what is used now, and let go of what is too old', () => {
    const charts = withPresent(chartsOf(stats([[AT - 100, 1], [AT - 15, 2]])), row('web'), 60, 5)

    expect(charts[0]!.series).toEqual({ times: [AT - 15, AT + 2], columns: [[2, 0.5]] })
    expect(charts[3]!.series.columns).toEqual([[2, null], [2, 0]])
  })

  it('take no more points than are seen, and none without a time', () => {
    const charts = chartsOf(stats([[AT, 2]]))

    expect(withPresent(charts, row('web'), 3600, 5)[0]!.series.times).toEqual([AT])
    expect(withPresent(charts, row('web', { sampled_at: null }), 3600, 1)[0]!.series.times).toEqual([AT])
  })
})

describe('the charts of its tasks', () => {
  it('have a line for each, at the same moments', () => {
    const [cpu] = chartsByTask(stats([[AT, 1], [AT + 15, 2]], [['web.2', 'b'], ['web.1', 'a']]))

    expect(cpu!.lines).toEqual(['web.1', 'web.2'])
    expect(cpu!.series).toEqual({ times: [AT, AT + 15], columns: [[2, 3], [1, 2]] })
  })

  it('tell two attempts at one place apart', () => {
    const [cpu] = chartsByTask(stats([[AT, 1]], [['web.1', 'abcdefgh'], ['web.1', 'zyxwvuts']]))

    expect(cpu!.lines).toEqual(['web.1 abcdef', 'web.1 zyxwvu'])
  })

  it('are of very many those with the highest figures, and say how many there are', () => {
    const tasks = Array.from({ length: 30 }, (_, at): [string, string] => [`web.${at}`, `t${at}`])
    const [cpu] = chartsByTask(stats([[AT, 1]], tasks))

    expect([cpu!.lines.length, cpu!.total, cpu!.lines[0], cpu!.lines.at(-1)]).toEqual([12, 30, 'web.18', 'web.29'])
  })
})
