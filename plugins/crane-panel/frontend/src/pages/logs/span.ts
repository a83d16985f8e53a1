/** Which part of a log is shown: its newest lines, or what was printed between two moments. */

/**
 * A part of a log, as the address of the page and the API name it.
 *
 * Moments are how long ago, as in `15m`, or absolute, as in `2026-05-04T12:00:00Z`; empty is no limit. What has an end
 * is not followed.
 */
export interface Span {
  /** How many of the newest lines, where there are no moments; empty for {@link NEWEST}. */
  tail: string
  since: string
  until: string
}

/** So many of the newest lines are shown where nobody wishes otherwise. */
export const NEWEST = '500'

const AGO = /^(\d{1,9})\s*([smhd])$/
const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const HOUR = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?$/
const ZONED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/

/** Tell whether it is the newest lines, whenever they were printed. */
export function isPlain(span: Span): boolean {
  return span.since === '' && span.until === ''
}

/**
 * Read a moment that somebody wrote, on this machine's clock; null when it is none.
 *
 * @param now What today is.
 */
export function readMoment(text: string, now: Date): string | null {
  const written = text.trim()
  if (written === '') return ''
  const ago = AGO.exec(written)
  if (ago) return `${ago[1]}${ago[2]}`
  if (ZONED.test(written)) return Number.isNaN(Date.parse(written)) ? null : toStamp(new Date(written))
  const hour = HOUR.exec(written)
  if (hour) return toLocal([now.getFullYear(), now.getMonth() + 1, now.getDate(), ...hour.slice(1).map(toNumber)])
  const date = DATE.exec(written)
  return date ? toLocal(date.slice(1).map(toNumber)) : null
}

/** Write a moment as one would type it. */
export function writeMoment(moment: string): string {
  if (moment === '' || AGO.test(moment)) return moment
  const date = new Date(moment)
  if (Number.isNaN(date.getTime())) return moment
  const two = (value: number): string => String(value).padStart(2, '0')
  const seconds = date.getSeconds() ? `:${two(date.getSeconds())}` : ''
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}${seconds}`
}

/** Tell whether it ends before it begins. */
export function isBackwards(span: Span, now: Date): boolean {
  if (span.since === '' || span.until === '') return false
  return timeOf(span.since, now) > timeOf(span.until, now)
}

function timeOf(moment: string, now: Date): number {
  const ago = AGO.exec(moment)
  return ago ? now.getTime() - Number(ago[1]) * UNITS[ago[2]!]! : Date.parse(moment)
}

function toNumber(text: string | undefined): number {
  return Number(text ?? 0)
}

/** Return the stamp of a moment on this machine's clock; null when the calendar has no such moment. */
function toLocal(parts: number[]): string | null {
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts as [number, number, number, number?, number?, number?]
  const date = new Date(year, month - 1, day, hour, minute, second)
  const known = date.getMonth() === month - 1 && date.getDate() === day
  return known && hour < 24 && minute < 60 && second < 60 ? toStamp(date) : null
}

function toStamp(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}
