/** Values of a plan in words: what a field was, and what it becomes. */

/** Return a value as it is read: texts as they are, the rest as JSON. */
export function say(value: unknown): string {
  if (typeof value === 'string') return value === '' ? '""' : value
  return JSON.stringify(value, null, typeof value === 'object' ? 1 : 0) ?? 'null'
}

const NANOSECONDS = /\/(Delay|Monitor|Window|Interval|Timeout|StartPeriod|StartInterval|StopGracePeriod)$/
const BYTES = /\/MemoryBytes$/
const CPUS = /\/NanoCPUs$/

/** Return a value of a spec as people write it: durations, memory and processors with their units. */
export function sayAt(path: string, value: unknown): string {
  if (typeof value === 'number') {
    if (NANOSECONDS.test(path)) return duration(value)
    if (BYTES.test(path)) return memory(value)
    if (CPUS.test(path)) return `${value / 1e9} CPU`
  }
  return say(value)
}

/** Write nanoseconds as docker does: 1m30s, 500ms. */
export function duration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s'
  let left = nanoseconds
  let text = ''
  for (const [unit, size] of [['h', 3600e9], ['m', 60e9], ['s', 1e9], ['ms', 1e6], ['us', 1e3], ['ns', 1]] as const) {
    const count = Math.floor(left / size)
    if (count > 0) text += `${count}${unit}`
    left -= count * size
  }
  return text
}

/** Return nanoseconds from what docker understands (1m30s, 500ms, 1.5s); null for anything else. */
export function parseDuration(text: string): number | null {
  const parts = [...text.trim().matchAll(/([0-9]+(?:\.[0-9]+)?)(h|ms|m|us|ns|s)/g)]
  if (text.trim() === '0') return 0
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text.trim()) return null
  const sizes: Record<string, number> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 }
  return Math.round(parts.reduce((sum, part) => sum + Number(part[1]) * sizes[part[2]!]!, 0))
}

/** Write bytes as docker does: 512M, 1.5G; numbers that do not come out even are left as they are. */
export function memory(amount: number): string {
  for (const [unit, size] of [['G', 1024 ** 3], ['M', 1024 ** 2], ['K', 1024]] as const) {
    const count = amount / size
    if (count >= 1 && Number.isInteger(count * 10)) return `${count}${unit}`
  }
  return `${amount}B`
}

/** Return bytes from what docker understands (512M, 1.5g, 100kb, 4096); null for anything else. */
export function parseMemory(text: string): number | null {
  const found = /^([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim())
  if (!found) return null
  const power = ['', 'k', 'm', 'g', 't'].indexOf(found[2]!.toLowerCase())
  return Math.round(Number(found[1]) * 1024 ** power)
}
