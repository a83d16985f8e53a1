/** Recordings of terminals: what the API tells of them, and what stands in their files. */
import { api, ask } from '../../api/client'
import type { components } from '../../api/schema'

export type Recording = components['schemas']['Recording']

/** Pauses are no longer than this when a recording is played, in seconds. */
const LONGEST_PAUSE = 2

/** Something that a recording shows: `o` is what was printed, `r` another size. */
export interface Step {
  /** Seconds since its beginning, without what is left out of pauses. */
  at: number
  kind: 'o' | 'r'
  text: string
}

export interface Cast {
  columns: number
  rows: number
  steps: Step[]
  /** How long it takes to play it. */
  seconds: number
}

/** Read the file of a recording. */
export async function read(name: string): Promise<string> {
  return ask(api.GET('/api/v1/terminal-recordings/{name}', { params: { path: { name } }, parseAs: 'text' }))
}

export function remove(name: string): Promise<unknown> {
  return ask(api.DELETE('/api/v1/terminal-recordings/{name}', { params: { path: { name } } }))
}

/** Return where the file of a recording is had. */
export function fileOf(id: string): string {
  return `/api/v1/terminal-recordings/${encodeURIComponent(id)}`
}

/** Take the file of a recording apart: an asciicast of version 2. */
export function parse(file: string): Cast {
  const [first = '{}', ...lines] = file.split('\n')
  const head = JSON.parse(first) as { width?: number; height?: number }
  const steps: Step[] = []
  let [last, at] = [0, 0]
  for (const line of lines) {
    const event = parseLine(line)
    if (!event) continue
    const [time, kind, text] = event
    at += Math.min(LONGEST_PAUSE, Math.max(0, time - last))
    last = time
    if (kind === 'o' || kind === 'r') steps.push({ at, kind, text })
  }
  return { columns: head.width ?? 80, rows: head.height ?? 24, steps, seconds: at }
}

/** Return what a line says; null for the last one of a terminal that is still open, which may be half of one. */
function parseLine(line: string): [number, string, string] | null {
  try {
    return JSON.parse(line) as [number, string, string]
  } catch {
    return null
  }
}

/** Return the columns and rows that a step says. */
export function sizeOf(text: string): [number, number] {
  const [columns = 80, rows = 24] = text.split('x').map(Number)
  return [columns, rows]
}

/** Write how long something lasts, as players do. */
export function lasting(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, '0'))
  return [Math.floor(whole / 3600), ...parts].join(':')
}

export function beganAt(recording: Recording): string {
  return new Date(recording.started_at * 1000).toISOString()
}
