/** How measured amounts and moments are written. */
import { afterEach, expect, it } from 'vitest'
import { sayAmount, sayTick, stepsOf, topOf } from '../../src/parts/chart/amounts'
import { sayMoment, sayPoint } from '../../src/parts/chart/times'
import { setLanguage } from '../../src/words'

afterEach(() => setLanguage('en'))

it('amounts have their unit, and as many digits as one reads', () => {
  expect(sayAmount(0.01234, 'cores')).toBe('0.012 CPU')
  expect(sayAmount(12.34, 'cores')).toBe('12.3 CPU')
  expect(sayAmount(1536, 'bytes')).toBe('1.5 KiB')
  expect(sayAmount(3 * 1024 ** 2, 'bytes-per-second')).toBe('3 MiB/s')
  expect(sayAmount(99.96, 'percent')).toBe('100%')
  expect(sayAmount(1234, 'count')).toBe('1,234')
  expect(sayAmount(0, 'cores')).toBe('0 CPU')
  setLanguage('zh-CN')
  expect(sayAmount(50, 'percent')).toBe('50%')
})

it('an axis says no unit that its title says', () => {
  expect([sayTick(0.5, 'cores'), sayTick(7, 'count'), sayTick(2048, 'bytes')]).toEqual(['0.5', '7', '2 KiB'])
})

it('an axis of bytes is divided by powers of two, others by tens', () => {
  expect(stepsOf('bytes')).toContain(256 * 1024)
  expect(stepsOf('bytes')).not.toContain(1000)
  expect(stepsOf('cores')).toContain(0.5)
  expect(stepsOf('count')[0]).toBe(1)
  for (const unit of ['cores', 'bytes', 'count'] as const) {
    expect(stepsOf(unit)).toEqual([...stepsOf(unit)].sort((a, b) => a - b))
  }
})

it('what is near nothing looks so', () => {
  expect(topOf(0, 'cores')).toBe(0.02)
  expect(topOf(100, 'cores')).toBeCloseTo(108)
})

it('moments say what their distance leaves open', () => {
  const noon = new Date(2026, 2, 1, 12, 30, 5).getTime() / 1000
  const midnight = new Date(2026, 2, 2).getTime() / 1000

  expect(sayMoment(noon, 10)).toBe('12:30:05')
  expect(sayMoment(noon, 600)).toBe('12:30')
  expect(sayMoment(midnight, 3600)).toBe('Mar 2')
  expect(sayPoint(noon, 600)).toBe('12:30:05')
  expect(sayPoint(noon, 86_400)).toContain('Mar 1')
  setLanguage('zh-CN')
  expect(sayMoment(midnight, 86_400)).toBe('3月2日')
})
