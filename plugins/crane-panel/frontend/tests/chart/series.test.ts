/** What a chart draws: figures in the order of time, their gaps, and what a table says of them. */
import { describe, expect, it } from 'vitest'
import { append, emptySeries, firstFrom, momentsOf, nearest, summarize, withGaps } from '../../src/parts/chart/series'

const some = { times: [10, 12, 14, 30], columns: [[1, 2, null, 4], [5, 6, 7, 8]] }

describe('a series', () => {
  it('takes the newest moment, and lets go of what is too old', () => {
    expect(append(some, 32, [9, null], 12)).toEqual({ times: [12, 14, 30, 32], columns: [[2, null, 4, 9], [6, 7, 8, null]] })
  })

  it('takes nothing that it knows already', () => {
    expect(append(some, 30, [9, 9], 0)).toBe(some)
  })

  it('begins empty', () => {
    expect(append(emptySeries(2), 5, [1, 2], 0)).toEqual({ times: [5], columns: [[1], [2]] })
  })

  it('has a gap where moments are far apart, and none where they are not', () => {
    expect(withGaps(some, 6)).toEqual({ times: [10, 12, 14, 22, 30], columns: [[1, 2, null, null, 4], [5, 6, 7, null, 8]] })
    expect(withGaps(some, 20)).toEqual(some)
  })

  it('is summed up over a span of time, without its gaps', () => {
    expect(summarize(some, 0, 11, 40)).toEqual({ least: 2, mean: 3, most: 4 })
    expect(summarize(some, 0, 13, 20)).toBe(null)
  })
})

it('the nearest moment is found, also before the first and after the last', () => {
  expect([0, 10.9, 11.1, 21, 23, 99].map((time) => nearest(some.times, time))).toEqual([0, 0, 1, 2, 3, 3])
  expect(nearest([], 5)).toBe(-1)
  expect([9, 12, 13, 99].map((time) => firstFrom(some.times, time))).toEqual([0, 1, 2, 4])
})

it('a table has the newest first, no gaps, and of very many some', () => {
  const many = { times: Array.from({ length: 100 }, (_, at) => at), columns: [Array.from({ length: 100 }, (_, at) => (at === 99 ? null : at))] }

  expect(momentsOf(many, 90, 1000, 120)).toEqual([98, 97, 96, 95, 94, 93, 92, 91, 90])
  expect(momentsOf(many, 0, 1000, 4)).toEqual([98, 73, 48, 23])
  expect(momentsOf(many, 0, 1000, Infinity).length).toBe(99)
})
