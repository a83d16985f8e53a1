import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/api/problem'
import { TerminalSession } from '../../src/pages/terminal/session'
import type { Ending, Kept, Opened, TerminalState } from '../../src/pages/terminal/wire'

const ADDRESS = '/api/v1/services/web/terminal'
const OPENED = { type: 'opened', session: 's1', secret: 'k1', seen: 0, lost: 0, received: 0, took: 0 }

class FakeSocket {
  binaryType = ''
  readyState = 1
  sent: unknown[] = []
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null
  onclose: ((event: { code: number; reason: string }) => void) | null = null

  constructor(
    readonly address: string,
    readonly protocols: string[],
  ) {}

  send(data: string | Uint8Array): void {
    this.sent.push(typeof data === 'string' ? JSON.parse(data) : new TextDecoder().decode(data))
  }

  close(): void {
    this.readyState = 3
  }

  hear(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }

  print(text: string): void {
    const bytes = new TextEncoder().encode(text)
    this.onmessage?.({ data: Uint8Array.from([1, ...bytes]).buffer })
  }

  end(code: number, reason: object | string = ''): void {
    this.onclose?.({ code, reason: typeof reason === 'string' ? reason : JSON.stringify(reason) })
  }
}

function made(order: () => Promise<{ ticket: string; address: string }> = () => Promise.resolve({ ticket: 't1', address: ADDRESS })) {
  const sockets: FakeSocket[] = []
  const states: TerminalState[] = []
  const told: { opened: Opened[]; printed: string; ended: Ending[]; problems: Problem[] } = { opened: [], printed: '', ended: [], problems: [] }
  const shown: (() => void)[] = []
  const timers: { run: () => void; pause: number }[] = []
  const clock = { now: 0 }
  const server = { reaches: false }
  const session = new TerminalSession(
    {
      order,
      open: (address, protocols) => {
        sockets.push(new FakeSocket(address, protocols))
        return sockets.at(-1) as unknown as WebSocket
      },
      reaches: () => Promise.resolve(server.reaches),
      setTimeout: (run, pause) => timers.push({ run, pause }),
      clearTimeout: () => undefined,
      now: () => clock.now,
    },
    {
      onState: (state) => states.push(state),
      onOpened: (opened) => told.opened.push(opened),
      onPrinted: (data, done) => {
        told.printed += new TextDecoder().decode(data)
        shown.push(done)
      },
      onEnded: (ending) => told.ended.push(ending),
      onProblem: (problem) => told.problems.push(problem),
    },
  )
  return { session, sockets, states, told, shown, timers, clock, server, socket: () => sockets.at(-1)! }
}

async function open(kept: Kept | null = null) {
  const all = made()
  await all.session.start(kept)
  all.socket().onopen?.()
  all.socket().hear(OPENED)
  return all
}

describe('a terminal', () => {
  it('is opened with a ticket that stands in no address', async () => {
    const { socket, states, told } = await open()

    expect(socket().address).toBe(ADDRESS)
    expect(socket().protocols).toEqual(['crane.terminal', 't1'])
    expect(states).toEqual(['opening', 'open'])
    expect(told.opened[0]!.session).toBe('s1')
    expect(socket().sent).toEqual([{ type: 'taken', bytes: 0 }])
  })

  it('says why it cannot be opened', async () => {
    const refusal = new Problem({ code: 'forbidden', status: 403, title: 'No.', detail: 'No.' })
    const { session, states, told } = made(() => Promise.reject(refusal))

    await session.start()

    expect(states).toEqual(['opening', 'ended'])
    expect(told.problems).toEqual([refusal])
  })

  it('tells what was shown, once it was', async () => {
    const { socket, told, shown } = await open()
    socket().print('x'.repeat(40_000))

    expect(told.printed).toHaveLength(40_000)
    expect(socket().sent).toHaveLength(1)
    shown[0]!()

    expect(socket().sent.at(-1)).toEqual({ type: 'taken', bytes: 40_000 })
  })

  it('types no more ahead than the program takes', async () => {
    const { session, socket } = await open()
    session.type(new Uint8Array(600_000).fill(120))

    const sent = () => socket().sent.filter((each) => typeof each === 'string').join('').length
    expect(sent()).toBe(262_144)
    socket().hear({ type: 'took', bytes: 262_144 })
    expect(sent()).toBe(524_288)
    socket().hear({ type: 'took', bytes: 524_288 })
    expect(sent()).toBe(600_000)
  })

  it('types what was typed before it was open', async () => {
    const all = made()
    await all.session.start()
    all.session.type(new TextEncoder().encode('ls\r'))
    all.session.resize(90, 30)
    expect(all.socket().sent).toEqual([{ type: 'resize', columns: 90, rows: 30 }])

    all.socket().onopen?.()
    all.socket().hear(OPENED)

    expect(all.socket().sent.slice(1)).toEqual([
      { type: 'taken', bytes: 0 },
      { type: 'resize', columns: 90, rows: 30 },
      'ls\r',
    ])
  })

  it('is found again where it was when the connection is lost', async () => {
    const { socket, sockets, states, timers, told } = await open()
    socket().print('12345')
    socket().end(1006)
    expect(states.at(-1)).toBe('lost')

    timers[0]!.run()
    expect(socket().address).toBe(`${ADDRESS}?session=s1&seen=5`)
    expect(socket().protocols).toEqual(['crane.terminal', 'k1'])
    socket().end(1006)
    timers[1]!.run()
    socket().onopen?.()
    socket().hear({ ...OPENED, seen: 5 })
    socket().print('67')

    expect(sockets).toHaveLength(3)
    expect(timers.map(({ pause }) => pause)).toEqual([300, 600])
    expect(states.at(-1)).toBe('open')
    expect(told.printed).toBe('1234567')
  })

  it('has ended where a server that is there knows it no more', async () => {
    const { socket, timers, told, server, states } = await open()
    socket().end(1006)
    timers[0]!.run()
    socket().end(1006)
    await Promise.resolve()
    expect(states.at(-1)).toBe('lost')
    server.reaches = true
    timers[1]!.run()
    socket().end(1006)
    await Promise.resolve()
    expect(states.at(-1)).toBe('lost')

    timers[2]!.run()
    socket().end(1006)

    expect(states.at(-1)).toBe('ended')
    expect(told.ended).toEqual([{ code: 'server-restarted', detail: '' }])
  })

  it('is given up after a minute', async () => {
    const { socket, timers, told, clock, states } = await open()
    socket().end(1006)
    clock.now = 61_000
    timers[0]!.run()
    socket().end(1006)

    expect(states.at(-1)).toBe('ended')
    expect(told.ended).toEqual([{ code: 'left', detail: '' }])
  })

  it('says how it ended, once', async () => {
    const { socket, told, states } = await open()
    socket().hear({ type: 'ended', code: 'exited', exit_code: 3, detail: 'The program has ended.' })
    socket().end(4000, { code: 'exited', exit_code: 3 })

    expect(told.ended).toMatchObject([{ code: 'exited', exit_code: 3 }])
    expect(states).toEqual(['opening', 'open', 'ended'])
  })

  it.each([
    [4005, { code: 'idle' }, 'idle'],
    [1001, { code: 'server-stops' }, 'server-stops'],
    [4012, 'no JSON', 'failed'],
  ])('reads the reason of an end with code %i', async (code, reason, wanted) => {
    const { socket, told } = await open()
    socket().end(code, reason)

    expect(told.ended[0]!.code).toBe(wanted)
  })

  it('is come back to after the page was loaded anew, or opened anew where it is gone', async () => {
    const kept = { session: 's0', secret: 'k0', address: ADDRESS }
    const all = made()
    await all.session.start(kept)
    expect(all.socket().address).toBe(`${ADDRESS}?session=s0&seen=0`)
    expect(all.socket().protocols).toEqual(['crane.terminal', 'k0'])

    all.socket().end(1006)
    await Promise.resolve()
    await Promise.resolve()

    expect(all.socket().address).toBe(ADDRESS)
    expect(all.socket().protocols).toEqual(['crane.terminal', 't1'])
  })

  it('is told to end when it is closed, and not when it is left', async () => {
    const one = await open()
    one.session.close()
    expect(one.socket().sent.at(-1)).toEqual({ type: 'close' })

    const other = await open()
    other.session.leave()
    expect(other.socket().sent.at(-1)).toEqual({ type: 'taken', bytes: 0 })
    expect(other.socket().readyState).toBe(3)
  })
})
