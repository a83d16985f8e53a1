/** Amounts of quotas as they are typed and said. */
import { number } from '../../words'

const UNITS: Record<string, number> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Read an amount of memory; null for none, undefined for what is no amount. */
export function readMemory(text: string): number | null | undefined {
  const wanted = text.trim()
  if (wanted === '') return null
  const found = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(wanted)
  if (!found) return undefined
  return Math.round(Number(found[1]) * UNITS[found[2]!.toLowerCase()]!)
}

/** Write an amount of memory such that reading it gives the same. */
export function writeMemory(bytes: number | null): string {
  if (bytes === null) return ''
  const units = ['TiB', 'GiB', 'MiB', 'KiB']
  for (const [index, unit] of units.entries()) {
    const size = 1024 ** (4 - index)
    if (bytes >= size && Number.isInteger((bytes / size) * 4)) return `${bytes / size} ${unit}`
  }
  return `${bytes} B`
}

/** Read a number that is not below nothing; null for none, undefined for what is no such number. */
export function readNumber(text: string, whole: boolean): number | null | undefined {
  const wanted = text.trim()
  if (wanted === '') return null
  const pattern = whole ? /^\d+$/ : /^\d+(\.\d+)?$/
  return pattern.test(wanted) ? Number(wanted) : undefined
}

/** How much of an allowance is used, in hundredths; what is allowed nothing is full. */
export function share(used: number, allowed: number): number {
  if (allowed <= 0) return used > 0 ? 101 : 100
  return (used / allowed) * 100
}

/** Say a number of processors. */
export function sayCpus(value: number): string {
  return number(value, { maximumFractionDigits: 2 })
}
