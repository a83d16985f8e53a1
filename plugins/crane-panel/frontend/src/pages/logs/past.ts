/** Reading a log that has an end: what was printed up to a moment, once. */
import { askStream } from '../../api/client'
import { queryOf, type LogMessage, type LogSource, type Target, type Wish } from './log'

/** A line or a source, as the API sends them one by one. */
interface Sent {
  time?: string
  name: string
  task: string | null
  container: string | null
  stream?: 'stdout' | 'stderr'
  line?: string
  source?: LogSource & { container: string | null }
  lost?: number
}

/** Read what a wish asks for of a log, piece by piece; throws a Problem. */
export async function readPast(
  target: Target,
  wish: Wish,
  onMessage: (message: LogMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  const url = `/api/v1/${target.kind}s/${target.name.split('/').map(encodeURIComponent).join('/')}/logs`
  let unread = ''
  for await (const piece of askStream(`${url}?${queryOf(wish).toString()}`, 'application/x-ndjson', signal)) {
    const lines = (unread + piece).split('\n')
    unread = lines.pop()!
    onMessage(together(lines))
  }
  onMessage({ ...together([unread]), begun: true })
}

/** Return lines of the answer as the live topic would tell them. */
export function together(lines: readonly string[]): LogMessage {
  const message = { lines: [] as NonNullable<LogMessage['lines']>, sources: {} as Record<string, LogSource>, lost: 0 }
  for (const line of lines) {
    if (line === '') continue
    const sent = JSON.parse(line) as Sent
    if (sent.source) message.sources[sourceOf(sent.source)] = sent.source
    else if (sent.lost) message.lost += sent.lost
    else message.lines.push([sent.time!, sourceOf(sent), sent.stream === 'stderr' ? 2 : 1, sent.line!])
  }
  return message
}

/** Return what its lines and its state are both known by. */
function sourceOf(sent: Pick<Sent, 'name' | 'task' | 'container'>): string {
  return sent.task ?? sent.container ?? sent.name
}
