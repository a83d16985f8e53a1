/** Amounts that are measured: how they are written, and where an axis of them is divided. */
import { bytes, number, percent } from '../../words'
import { t } from './words'

export type Unit = 'cores' | 'percent' | 'bytes' | 'bytes-per-second' | 'count'

const TENS = [1, 2, 5]
const TWOS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/** Write an amount with its unit. */
export function sayAmount(value: number, unit: Unit): string {
  if (unit === 'bytes') return bytes(value)
  if (unit === 'bytes-per-second') return t('perSecond', { amount: bytes(value) })
  if (unit === 'percent') return percent(value, precisionOf(value))
  return unit === 'cores' ? t('cores', { n: short(value) }) : short(value)
}

/** Write an amount as it stands at an axis, whose title names the unit. */
export function sayTick(value: number, unit: Unit): string {
  return unit === 'cores' || unit === 'count' ? short(value) : sayAmount(value, unit)
}

/** Write a number to three digits or so: nobody reads more off a chart. */
function short(value: number): string {
  return number(value, precisionOf(value))
}

function precisionOf(value: number): Intl.NumberFormatOptions {
  const size = Math.abs(value)
  return { maximumFractionDigits: size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3 }
}

/** Return how far apart the lines of an axis may be, the nearest first: bytes are counted in powers of two. */
export function stepsOf(unit: Unit): number[] {
  if (unit === 'bytes' || unit === 'bytes-per-second') {
    return [0, 1, 2, 3, 4, 5].flatMap((power) => TWOS.map((step) => step * 1024 ** power))
  }
  const first = unit === 'count' ? 0 : -3
  return Array.from({ length: 13 }, (_, index) => first + index).flatMap((power) => TENS.map((step) => step * 10 ** power))
}

/** The least that the whole height of a chart stands for: what is near nothing should look so. */
const LEAST: Record<Unit, number> = { cores: 0.02, percent: 2, bytes: 1024 ** 2, 'bytes-per-second': 1024, count: 4 }

/** Return what the upper edge of a chart stands for, when the highest of its figures is known. */
export function topOf(highest: number, unit: Unit): number {
  return Math.max(highest * 1.08, LEAST[unit])
}
