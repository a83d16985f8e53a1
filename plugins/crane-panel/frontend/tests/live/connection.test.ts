import { describe, expect, it } from 'vitest'
import { fake, listener, type Fake, type Heard } from './fakes'

const WEB = { name: 'web' }
const DB = { name: 'db' }

function following(): Fake & { heard: Heard; stop: () => void } {
  const made = fake()
  const heard = listener()
  const stop = made.connection.follow('services', heard)
  made.socket().onopen?.()
  return { ...made, heard, stop }
}

describe('the live connection', () => {
  it('opens one socket, whatever follows how much', () => {
    const { connection, sockets } = fake()

    connection.follow('services', listener())
    connection.follow('nodes', listener())
    connection.connect()

    expect(sockets).toHaveLength(1)
  })

  it('says what is followed as soon as it can', () => {
    const { connection, socket, states } = fake()

    connection.follow('services', listener())
    expect(socket().sent).toEqual([])
    socket().onopen?.()
    connection.follow('nodes', listener())

    expect(socket().sent).toEqual([{ subscribe: 'services' }, { subscribe: 'nodes' }])
    expect(states).toEqual(['connecting', 'live'])
  })

  it('tells snapshots and changes as they come', () => {
    const { socket, heard } = following()

    socket().hear(
      { topic: 'services', version: '1', snapshot: { a: WEB }, sources: [] },
      { topic: 'services', version: '2', changes: { set: { b: DB }, gone: ['a'] }, sources: [] },
      { topic: 'tasks', version: '2', snapshot: {} },
      { subscribed: false },
    )

    expect(heard.told).toEqual([{ snapshot: { a: WEB } }, { set: { b: DB }, gone: ['a'] }])
  })

  it('subscribes once for several, and tells the later one what is known', () => {
    const { connection, socket, heard } = following()
    socket().hear(
      { topic: 'services', version: '1', snapshot: { a: WEB } },
      { topic: 'services', version: '2', changes: { set: { b: DB }, gone: [] } },
    )

    const later = listener()
    connection.follow('services', later)
    socket().hear({ topic: 'services', version: '3', changes: { set: {}, gone: ['a'] } })

    expect(socket().sent).toEqual([{ subscribe: 'services' }])
    expect(later.told).toEqual([{ snapshot: { a: WEB, b: DB } }, { set: {}, gone: ['a'] }])
    expect(heard.told).toHaveLength(3)
  })

  it('unsubscribes when the last one leaves', () => {
    const { connection, socket, stop, heard } = following()
    const leave = connection.follow('services', listener())

    stop()
    stop()
    expect(socket().sent).toEqual([{ subscribe: 'services' }])
    leave()
    socket().hear({ topic: 'services', version: '9', snapshot: { a: WEB } })

    expect(socket().sent).toEqual([{ subscribe: 'services' }, { unsubscribe: 'services' }])
    expect(heard.told).toEqual([])
  })

  it('follows anew what was left', () => {
    const { connection, socket, stop } = following()
    socket().hear({ topic: 'services', version: '1', snapshot: { a: WEB } })
    stop()

    const again = listener()
    connection.follow('services', again)

    expect(socket().sent).toEqual([{ subscribe: 'services' }, { unsubscribe: 'services' }, { subscribe: 'services' }])
    expect(again.told).toEqual([])
  })

  it('tells of a refusal, also to who comes later', () => {
    const { connection, socket, heard } = following()
    socket().hear({ topic: 'services', error: { code: 'forbidden', status: 403, title: '', detail: 'You may not.' } })

    const later = listener()
    connection.follow('services', later)

    expect(heard.told).toEqual([{ error: 'forbidden' }])
    expect(later.told).toEqual([{ error: 'forbidden' }])
  })
})

describe('a connection that was lost', () => {
  it('is opened again, and goes on from the version last seen', () => {
    const { connection, socket, sockets, states, wait, heard } = following()
    connection.follow('nodes', listener())
    socket().hear({ topic: 'services', version: '7', snapshot: { a: WEB } })

    socket().onclose?.({ code: 1006 })
    wait()
    socket().onopen?.()

    expect(sockets).toHaveLength(2)
    expect(socket().sent).toEqual([{ resume: { services: '7' } }, { subscribe: 'nodes' }])
    expect(states).toEqual(['connecting', 'live', 'lost', 'connecting', 'live'])
    socket().hear({ topic: 'services', version: '7', unchanged: true })
    expect(heard.told.at(-1)).toBe('unchanged')
    socket().hear({ topic: 'services', version: '8', snapshot: { b: DB } })
    expect(heard.told.at(-1)).toEqual({ snapshot: { b: DB } })
  })

  it('resumes from the newest version, not from the first', () => {
    const { socket, wait } = following()
    socket().hear(
      { topic: 'services', version: '7', snapshot: {} },
      { topic: 'services', version: '8', changes: { set: { a: WEB }, gone: [] } },
    )

    socket().onclose?.({ code: 1001 })
    wait()
    socket().onopen?.()

    expect(socket().sent).toEqual([{ resume: { services: '8' } }])
  })

  it('subscribes again to what was refused', () => {
    const { socket, wait, heard } = following()
    socket().hear(
      { topic: 'services', version: '7', snapshot: { a: WEB } },
      { topic: 'services', error: { code: 'not-found', status: 404, title: '', detail: 'Gone.' } },
    )

    socket().onclose?.({ code: 1006 })
    wait()
    socket().onopen?.()
    socket().hear({ topic: 'services', version: '9', snapshot: { b: DB } })

    expect(socket().sent).toEqual([{ subscribe: 'services' }])
    expect(heard.told.at(-1)).toEqual({ snapshot: { b: DB } })
  })

  it('keeps what is followed and left meanwhile for later', () => {
    const { connection, socket, wait, stop } = following()
    socket().onclose?.({ code: 1006 })
    connection.follow('nodes', listener())
    stop()
    wait()
    socket().onopen?.()

    expect(socket().sent).toEqual([{ subscribe: 'nodes' }])
  })

  it('waits longer each time, up to a limit', () => {
    const { socket, wait, pauses } = following()
    for (let turn = 0; turn < 9; turn += 1) {
      socket().onclose?.({ code: 1006 })
      wait()
    }

    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000])
  })

  it('waits for times that vary, so that not all tabs come at once', () => {
    const values = [0, 0.999, 0.25]
    const { connection, socket, wait, pauses } = fake(() => values.shift()!)
    connection.connect()
    for (let turn = 0; turn < 3; turn += 1) {
      socket().onclose?.({ code: 1006 })
      wait()
    }

    expect(pauses).toEqual([250, 1499, 1500])
  })

  it('waits shortly again once the server has said something, not when it has only answered', () => {
    const { socket, wait, pauses } = following()
    for (let turn = 0; turn < 3; turn += 1) {
      socket().onclose?.({ code: 1006 })
      wait()
      socket().onopen?.()
    }
    socket().hear({ topic: 'services', version: '1', snapshot: {} })
    socket().onclose?.({ code: 1006 })

    expect(pauses).toEqual([500, 1000, 2000, 500])
  })

  it('does not wait for the pause when somebody looks', () => {
    const { connection, socket, sockets, waiting } = following()
    connection.hurry()
    expect(sockets).toHaveLength(1)

    socket().onclose?.({ code: 1006 })
    connection.hurry()

    expect(sockets).toHaveLength(2)
    expect(waiting()).toBe(false)
  })

  it('says that the login has ended when it has', () => {
    const { socket, states } = following()

    socket().onclose?.({ code: 1008 })

    expect(states.at(-1)).toBe('refused')
  })

  it('stays closed when it was ended for good', () => {
    const { connection, socket, sockets, waiting, states } = following()

    connection.close()

    expect(socket().closed).toBe(true)
    expect(waiting()).toBe(false)
    expect(sockets).toHaveLength(1)
    expect(states.at(-1)).toBe('live')
  })

  it('is sent feeds, and asks for them anew when it is opened again', () => {
    const { connection, socket, sockets, wait } = fake()
    const heard: unknown[] = []
    let asked = 0
    const stop = connection.followFeed({
      topic: () => `logs/services/web?n=${asked++}`,
      onMessage: (message) => heard.push(message),
      onError: (problem) => heard.push(problem.code),
    })
    socket().onopen?.()
    const first = { topic: 'logs/services/web?n=1', lines: [] }
    socket().hear(first, { topic: 'logs/services/other', lines: [] })
    socket().onclose?.({ code: 1006 })
    wait()
    socket().onopen?.()
    socket().hear({ topic: 'logs/services/web?n=2', error: { code: 'forbidden', status: 403, title: '', detail: '' } })
    stop()

    expect(heard).toEqual([first, 'forbidden'])
    expect(sockets).toHaveLength(2)
    expect(socket().sent).toEqual([{ subscribe: 'logs/services/web?n=2' }, { unsubscribe: 'logs/services/web?n=2' }])
  })
})
