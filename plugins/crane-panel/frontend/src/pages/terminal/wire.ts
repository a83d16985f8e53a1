/** What a terminal and the server say to each other, and what is kept of it. */

export type TerminalState = 'opening' | 'open' | 'lost' | 'ended'

export interface Ending {
  /** As in `exited`, `no-shell`, `idle`. */
  code: string
  detail: string
  exit_code?: number
}

/** What the first message of the server tells. */
export interface Opened {
  session: string
  secret: string
  seen: number
  lost: number
  /** How many bytes of input came, and how many of them the program took. */
  received: number
  took: number
  command: string[]
  user: string
  container: string
  node: string
  task: string | null
  service: string | null
  recorded: boolean
}

/** What a session can be come back to by, also after the page was loaded anew. */
export interface Kept {
  session: string
  secret: string
  address: string
}

export const SUBPROTOCOL = 'crane.terminal'
/** The most bytes that one message types. */
export const MESSAGE = 32 * 1024

/** Return what is known of a session that is come back to, until the server tells the rest. */
export function openedFrom({ session, secret }: Kept): Opened {
  return {
    session,
    secret,
    seen: 0,
    lost: 0,
    received: 0,
    took: 0,
    command: [],
    user: '',
    container: '',
    node: '',
    task: null,
    service: null,
    recorded: false,
  }
}

/** Tell whether a connection was closed because the terminal is over: by a code of our own, or by a server that stops. */
export function isOver({ code, reason }: CloseEvent): boolean {
  return code >= 4000 || (code === 1001 && reason !== '')
}

/** Read why the server closed a connection. */
export function readReason(reason: string): Ending {
  try {
    const told = JSON.parse(reason) as { code?: unknown; exit_code?: unknown }
    return {
      code: typeof told.code === 'string' ? told.code : 'failed',
      detail: '',
      ...(typeof told.exit_code === 'number' ? { exit_code: told.exit_code } : {}),
    }
  } catch {
    return { code: 'failed', detail: '' }
  }
}
