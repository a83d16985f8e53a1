/** A log as it is shown: its lines in the order of time, as many as are kept, each once. */
import { isPlain, NEWEST, type Span } from './span'

export type Kind = 'service' | 'stack' | 'task' | 'container'

/** Whose log it is. */
export interface Target {
  kind: Kind
  name: string
}

export interface LogSource {
  key: string
  name: string
  state: 'waiting' | 'running' | 'following' | 'ended' | 'unreachable'
  reason: string | null
  exit_code: number | null
  service: string | null
  task: string | null
  node: string | null
}

export interface LogLine {
  /** Differs for each line, and grows in the order in which they came. */
  id: number
  time: string
  /** The key of its source. */
  source: string
  stderr: boolean
  text: string
}

/** A message of the topic of a log. */
export interface LogMessage {
  lines?: [time: string, source: string, stream: number, text: string][]
  sources?: Record<string, LogSource>
  lost?: number
  begun?: boolean
}

/** How many lines are kept; older ones are left out. */
export const MOST_LINES = 50_000
/** How much of a long line is shown. */
export const LONGEST_SHOWN = 8_000
/** More than the server ever sends a second time. */
const REMEMBERED = 1000
/** Whoever printed so lately is asked from its own last line on, whatever its clock says, in milliseconds. */
const LATELY = 60_000

interface Newest {
  time: string
  heardAt: number
  /** Its newest lines, by which those are known that come once more. */
  recent: string[]
}

export class LogStore {
  /** In the order of time; what is new may stand a little before the end. */
  lines: LogLine[] = []
  readonly sources = new Map<string, LogSource>()
  /** How many lines were left out because there were too many. */
  dropped = 0
  /** How many lines the server left out, because they came faster than this page took them. */
  lost = 0
  begun = false
  private waiting: LogLine[] = []
  private count = 0
  private held = false
  private readonly newest = new Map<string, Newest>()

  constructor(
    private readonly most = MOST_LINES,
    private readonly clock: () => number = Date.now,
  ) {}

  /** How many lines came while nothing was to move. */
  get unseen(): number {
    return this.waiting.length
  }

  /** Take a message of the server. */
  take(message: LogMessage): void {
    for (const [key, source] of Object.entries(message.sources ?? {})) this.sources.set(key, source)
    if (message.lost) this.lost += message.lost
    if (message.begun) this.begun = true
    const fresh: LogLine[] = []
    for (const [time, source, stream, text] of message.lines ?? []) {
      if (!this.note(time, source, text)) continue
      fresh.push({ id: this.count++, time, source, stderr: stream === 2, text: plain(text) })
    }
    if (fresh.length === 0) return
    if (this.held) this.waiting = this.bounded(this.waiting.concat(fresh))
    else this.add(fresh)
  }

  /** Let nothing move: what comes is kept beside until {@link release}. */
  hold(): void {
    this.held = true
  }

  /** Show what came meanwhile, and go on. */
  release(): void {
    this.held = false
    this.add(this.waiting)
    this.waiting = []
  }

  /** From when on to ask after the connection was lost; null when nothing was seen. */
  since(): string | null {
    const all = [...this.newest.values()]
    if (all.length === 0) return null
    const lately = this.clock() - LATELY
    const alive = all.filter((each) => each.heardAt >= lately).map((each) => each.time)
    return alive.length > 0 ? alive.reduce(min) : all.map((each) => each.time).reduce(max)
  }

  /** Remember a line; tell whether it is new. */
  private note(time: string, source: string, text: string): boolean {
    let newest = this.newest.get(source)
    if (!newest) this.newest.set(source, (newest = { time: '', heardAt: 0, recent: [] }))
    newest.heardAt = this.clock()
    const known = `${time} ${text}`
    const { recent } = newest
    if (time <= newest.time && (recent.includes(known) || (recent[0] !== undefined && known.slice(0, 30) < recent[0].slice(0, 30)))) {
      return false
    }
    newest.time = max(newest.time, time)
    recent.push(known)
    if (recent.length > 2 * REMEMBERED) recent.splice(0, REMEMBERED)
    return true
  }

  private add(fresh: LogLine[]): void {
    if (fresh.length === 0) return
    const { lines } = this
    // Several logs are told apart from one another: what belongs before the end is put there. Of one source the order
    // is never changed.
    fresh.sort((a, b) => (a.source === b.source ? a.id - b.id : compare(a, b)))
    const last = lines.at(-1)
    if (last === undefined || last.time <= fresh[0]!.time) {
      // What is left out is not copied first.
      const over = Math.min(lines.length, Math.max(0, lines.length + fresh.length - this.most))
      this.dropped += over
      this.lines = this.bounded((over ? lines.slice(over) : lines).concat(fresh))
      return
    }
    let at = lines.length
    while (at > 0 && lines[at - 1]!.time > fresh[0]!.time) at -= 1
    this.lines = this.bounded(lines.slice(0, at).concat(merge(lines.slice(at), fresh)))
  }

  private bounded(lines: LogLine[]): LogLine[] {
    const over = lines.length - this.most
    if (over <= 0) return lines
    this.dropped += over
    return lines.slice(over)
  }
}

function min(a: string, b: string): string {
  return a < b ? a : b
}

function max(a: string, b: string): string {
  return a > b ? a : b
}

function compare(a: LogLine, b: LogLine): number {
  return a.time < b.time ? -1 : a.time > b.time ? 1 : a.id - b.id
}

function merge(a: LogLine[], b: LogLine[]): LogLine[] {
  const merged: LogLine[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) merged.push(a[i]!.time <= b[j]!.time ? a[i++]! : b[j++]!)
  return merged.concat(a.slice(i), b.slice(j))
}

// What a terminal would carry out: colours, titles, movements. Control characters are what this is about.
 
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g

/** Return a line as it is to be read: without what a terminal would carry out. */
export function plain(text: string): string {
  return text.includes('\u001b') ? text.replace(ESCAPES, '') : text
}

/** Return the lines in which a text stands, in capital or small letters. */
export function filtered(lines: readonly LogLine[], needle: string): readonly LogLine[] {
  if (needle === '') return lines
  const wanted = needle.toLowerCase()
  return lines.filter((line) => line.text.toLowerCase().includes(wanted))
}

/** Return the address of a log, or the topic of one that is followed. */
export function pathOf(target: Target): string {
  return `${target.kind}s/${target.name}`
}

/** What is asked for of a log. */
export interface Wish extends Span {
  /** A regular expression, empty for none. */
  pattern: string
  stream: string
}

/** Return the query that asks for it; from a stamp on, when lines were seen already. */
export function queryOf(wish: Wish, seen: string | null = null): URLSearchParams {
  const query = new URLSearchParams()
  if (seen !== null) query.set('since', seen)
  else if (isPlain(wish)) query.set('tail', wish.tail || NEWEST)
  else if (wish.since) query.set('since', wish.since)
  if (wish.until) query.set('until', wish.until)
  if (wish.pattern) {
    query.set('grep', wish.pattern)
    query.set('ignore_case', 'true')
  }
  if (wish.stream) query.set('stream', wish.stream)
  return query
}

/** Return the lines as the text of a file. */
export function toText(lines: readonly LogLine[], nameOf: (source: string) => string): string {
  return lines.map((line) => `${line.time} ${nameOf(line.source)} | ${line.text}\n`).join('')
}
