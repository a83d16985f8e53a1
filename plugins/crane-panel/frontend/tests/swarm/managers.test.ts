import { expect, it } from 'vitest'
import { standingOf } from '../../src/pages/swarm/managers'
import { duration } from '../../src/pages/swarm/words'

it('how managers stand is told by how many more may be lost', () => {
  const of = (managers: number, spare_managers: number): unknown => standingOf({ managers, spare_managers })

  expect(of(1, 0)).toEqual({ mark: 'degraded', says: 'spareNone', hint: 'hintOne' })
  expect(of(2, 0)).toEqual({ mark: 'degraded', says: 'spareNone', hint: 'hintEven' })
  expect(of(3, 1)).toEqual({ mark: 'ok', says: 'spareSome', hint: null })
  expect(of(3, 0)).toMatchObject({ mark: 'degraded', hint: 'hintDown' })
  expect(of(4, 1)).toMatchObject({ mark: 'ok', hint: 'hintEven' })
  expect(of(3, -1)).toEqual({ mark: 'failed', says: 'spareLost', hint: 'hintLost' })
})

it('times are said in the largest unit that fits them', () => {
  expect([90 * 86_400, 3600, 5400, 5, 2.5].map(duration)).toEqual(['90 days', '1 hour', '90 minutes', '5 seconds', '2.5 seconds'])
})
