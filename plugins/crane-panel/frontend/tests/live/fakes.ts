/** A socket and a clock that a test moves. */
import { LiveConnection, type Follower, type LiveState, type Surroundings } from '../../src/live/connection'

export class FakeSocket {
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  sent: unknown[] = []
  closed = false

  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }

  close(): void {
    this.closed = true
    this.onclose?.({ code: 1000 })
  }

  hear(...messages: object[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) })
  }
}

export interface Fake {
  connection: LiveConnection
  sockets: FakeSocket[]
  /** The one that was opened last. */
  socket: () => FakeSocket
  states: LiveState[]
  /** The pauses that were begun, in milliseconds. */
  pauses: number[]
  /** Let the pause be over. */
  wait: () => void
  waiting: () => boolean
}

/** Make a connection in surroundings of its own. */
export function fake(random: () => number = () => 0.5): Fake {
  const sockets: FakeSocket[] = []
  const states: LiveState[] = []
  const pauses: number[] = []
  let timer: (() => void) | null = null
  const surroundings: Surroundings = {
    open: () => {
      sockets.push(new FakeSocket())
      return sockets.at(-1) as unknown as WebSocket
    },
    setTimeout: (run, milliseconds) => {
      pauses.push(milliseconds)
      timer = run
      return run
    },
    clearTimeout: () => {
      timer = null
    },
    random,
  }
  const connection = new LiveConnection(surroundings, (state) => states.push(state))
  const wait = (): void => {
    const run = timer
    timer = null
    run?.()
  }
  return { connection, sockets, socket: () => sockets.at(-1)!, states, pauses, wait, waiting: () => timer !== null }
}

export interface Heard extends Follower {
  told: unknown[]
}

/** Make a follower that writes down what it is told. */
export function listener(): Heard {
  const told: unknown[] = []
  return {
    told,
    onSnapshot: (items) => told.push({ snapshot: items }),
    onChanges: (set, gone) => told.push({ set, gone }),
    onUnchanged: () => told.push('unchanged'),
    onError: (problem) => told.push({ error: problem.code }),
  }
}
