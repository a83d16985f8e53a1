/**
 * One terminal: the connection to a program in a container, found again when it is lost.
 *
 * It says what the server says: what is printed, in bytes; and how it ended. How much was shown is told to the server,
 * which never sends far more than that; and no more is typed ahead than the server says that the program takes.
 */
import { toProblem, type Problem } from '../../api/problem'
import { Typing } from './typing'
import { isOver, openedFrom, readReason, SUBPROTOCOL, type Ending, type Kept, type Opened, type TerminalState } from './wire'

export interface Surroundings {
  /** Ask for a ticket; throws a Problem. */
  order(): Promise<{ ticket: string; address: string }>
  open(address: string, protocols: string[]): WebSocket
  /** Tell whether the server answers at all. */
  reaches(): Promise<boolean>
  setTimeout(run: () => void, milliseconds: number): unknown
  clearTimeout(timer: unknown): void
  now(): number
}

export interface Listener {
  onState(state: TerminalState): void
  onOpened(opened: Opened): void
  /** Shows what was printed, and says when it has been shown. */
  onPrinted(data: Uint8Array, shown: () => void): void
  onEnded(ending: Ending): void
  /** It could not be opened. */
  onProblem(problem: Problem): void
}

const TELL = 32 * 1024
const FIRST_PAUSE = 300
const LONGEST_PAUSE = 5000
// The server waits that long for who comes back, unless it is told otherwise.
const RETURN_FOR = 60_000

export class TerminalSession {
  opened: Opened | null = null
  private socket: WebSocket | null = null
  private address = ''
  private state: TerminalState = 'opening'
  private seen = 0
  private shown = 0
  private told = 0
  private readonly typing = new Typing()
  private size: { columns: number; rows: number } | null = null
  private pause = FIRST_PAUSE
  private lostAt = 0
  private reached = false
  private timer: unknown = null

  constructor(
    private readonly surroundings: Surroundings,
    private readonly listener: Listener,
  ) {}

  /** Open it, or come back to it. */
  async start(kept: Kept | null = null): Promise<void> {
    this.become('opening')
    if (kept) {
      this.address = kept.address
      this.opened = openedFrom(kept)
      this.connect([kept.secret], () => {
        // It is there no more; who comes too late gets a new one.
        this.opened = null
        void this.start()
      })
      return
    }
    try {
      const { ticket, address } = await this.surroundings.order()
      if (this.state === 'ended') return
      this.address = address
      this.connect([ticket], () => this.fail())
    } catch (error) {
      this.become('ended')
      this.listener.onProblem(toProblem(error))
    }
  }

  /** Type something. */
  type(data: Uint8Array): void {
    if (this.state === 'ended') return
    this.typing.add(data)
    this.send()
  }

  /** Tell the program the size of its terminal. */
  resize(columns: number, rows: number): void {
    this.size = { columns, rows }
    this.say({ type: 'resize', columns, rows })
  }

  /** End it. */
  close(): void {
    this.say({ type: 'close' })
    this.leave()
  }

  /** Leave it, to come back soon. */
  leave(): void {
    this.become('ended')
    this.surroundings.clearTimeout(this.timer)
    const socket = this.socket
    this.socket = null
    // What was said before is sent first.
    socket?.close()
  }

  private connect(secret: string[], refused: () => void): void {
    const socket = this.surroundings.open(this.address + this.query(), [SUBPROTOCOL, ...secret])
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    let open = false
    socket.onopen = () => (open = true)
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (this.socket === socket) this.hear(event.data)
    }
    socket.onclose = (event: CloseEvent) => {
      if (this.socket !== socket) return
      this.socket = null
      if (isOver(event)) this.end(readReason(event.reason))
      else if (open) this.lose()
      else refused()
    }
  }

  private query(): string {
    return this.opened ? `?session=${encodeURIComponent(this.opened.session)}&seen=${this.seen}` : ''
  }

  private fail(): void {
    this.become('ended')
    this.listener.onProblem(toProblem(new TypeError('The connection was refused.')))
  }

  private lose(): void {
    if (!this.opened) {
      this.fail()
      return
    }
    if (this.state !== 'lost') {
      this.lostAt = this.surroundings.now()
      this.pause = FIRST_PAUSE
      this.reached = false
      this.become('lost')
    }
    if (this.surroundings.now() - this.lostAt > RETURN_FOR) {
      this.end({ code: 'left', detail: '' })
      return
    }
    const { secret } = this.opened
    this.timer = this.surroundings.setTimeout(() => this.seek(secret), this.pause)
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE)
  }

  private seek(secret: string): void {
    const { reached } = this
    this.connect([secret], () => {
      // A server that was there already and refuses has lost it: it was started anew.
      if (reached) {
        this.end({ code: 'server-restarted', detail: '' })
        return
      }
      void this.surroundings.reaches().then((reaches) => (this.reached = reaches))
      this.lose()
    })
  }

  private end(ending: Ending): void {
    if (this.state === 'ended') return
    this.become('ended')
    this.listener.onEnded(ending)
  }

  private hear(data: string | ArrayBuffer): void {
    if (typeof data === 'string') {
      this.obey(JSON.parse(data) as { type: string })
      return
    }
    // The first byte says on which stream it came; a terminal has one only.
    const printed = new Uint8Array(data, 1)
    this.seen += printed.length
    this.listener.onPrinted(printed, () => {
      this.shown += printed.length
      if (this.shown - this.told >= TELL) this.tell()
    })
  }

  private obey(message: { type: string }): void {
    if (message.type === 'opened') {
      const opened = message as { type: string } & Opened
      this.opened = opened
      this.seen = this.shown = opened.seen
      this.typing.begin(opened.received, opened.took)
      this.tell()
      this.become('open')
      this.listener.onOpened(opened)
      if (this.size) this.say({ type: 'resize', ...this.size })
      this.send()
    } else if (message.type === 'took') {
      this.typing.took((message as { type: string; bytes: number }).bytes)
      this.send()
    } else if (message.type === 'ended') {
      this.end(message as { type: string } & Ending)
    }
  }

  private tell(): void {
    this.told = this.shown
    this.say({ type: 'taken', bytes: this.shown })
  }

  private send(): void {
    if (this.state !== 'open') return
    for (const data of this.typing.due()) this.socket?.send(data as Uint8Array<ArrayBuffer>)
  }

  private say(message: object): void {
    if (this.state === 'open') this.socket?.send(JSON.stringify(message))
    else if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message))
  }

  private become(state: TerminalState): void {
    if (this.state === state && state !== 'opening') return
    this.state = state
    this.listener.onState(state)
  }
}
