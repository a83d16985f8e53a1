import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, watch, type EffectScope } from 'vue'
import { FakeSocket } from './fakes'

type Live = typeof import('../../src/live')

interface Item {
  name: string
}

let socket: FakeSocket
let live: Live
let scope: EffectScope
let frames: (() => void)[]

beforeEach(async () => {
  vi.resetModules()
  socket = new FakeSocket()
  frames = []
  vi.stubGlobal('WebSocket', function () {
    return socket
  })
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => frames.push(run))
  live = await import('../../src/live')
  live.live().connect()
  socket.onopen?.()
  scope = effectScope()
})

afterEach(() => {
  scope.stop()
  vi.unstubAllGlobals()
})

const frame = (): void => {
  for (const run of frames.splice(0)) run()
}
const snapshot = (topic: string, items: Record<string, Item>, more: object = {}): void => {
  socket.hear({ topic, version: '1', snapshot: items, sources: [], ...more })
  frame()
}
const change = (set: Record<string, Item>, gone: string[] = []): void =>
  socket.hear({ topic: 'services', version: '2', changes: { set, gone }, sources: [] })

describe('a topic that a component follows', () => {
  it('is unknown, then what the server says', () => {
    const topic = scope.run(() => live.useTopic<Item>('services'))!
    expect([topic.known.value, topic.list.value]).toEqual([false, []])

    snapshot('services', { a: { name: 'web' }, b: { name: 'db' } })

    expect(topic.known.value).toBe(true)
    expect(topic.list.value.map((item) => item.name)).toEqual(['web', 'db'])
    expect(topic.items.value.get('b')).toEqual({ name: 'db' })
    expect(topic.one.value).toEqual({ name: 'web' })
  })

  it('makes the page anew once for all that comes between two frames', async () => {
    const topic = scope.run(() => live.useTopic<Item>('services'))!
    snapshot('services', {})
    const seen: string[][] = []
    scope.run(() =>
      watch(topic.list, (list) => seen.push(list.map((item) => item.name)), { flush: 'sync' }),
    )

    for (let turn = 0; turn < 50; turn += 1) change({ a: { name: `web${turn}` } })
    change({ b: { name: 'db' } })
    change({}, ['b'])
    expect([seen, frames.length]).toEqual([[], 1])
    frame()
    await nextTick()

    expect(seen).toEqual([['web49']])
    change({ c: { name: 'cache' } })
    frame()
    expect(seen.at(-1)).toEqual(['web49', 'cache'])
  })

  it('makes the page anew once for all topics that are told between two frames', async () => {
    const services = scope.run(() => live.useTopic<Item>('services'))!
    const nodes = scope.run(() => live.useTopic<Item>('nodes'))!
    let made = 0
    scope.run(() => watch([services.list, nodes.list], () => (made += 1)))

    socket.hear({ topic: 'services', version: '1', snapshot: { a: { name: 'web' } } })
    await nextTick()
    socket.hear({ topic: 'nodes', version: '1', snapshot: { n: { name: 'node1' } } })
    await nextTick()
    expect([made, services.known.value, frames.length]).toEqual([0, false, 1])
    frame()
    await nextTick()

    expect([made, services.list.value, nodes.list.value]).toEqual([1, [{ name: 'web' }], [{ name: 'node1' }]])
  })

  it('forgets what was told of what it follows no more', async () => {
    const name = ref('services/web')
    const topic = scope.run(() => live.useTopic<Item>(name))!
    socket.hear({ topic: 'services/web', version: '1', snapshot: { a: { name: 'web' } } })

    name.value = 'services/db'
    await nextTick()
    frame()

    expect([topic.known.value, topic.one.value]).toEqual([false, null])
  })

  it('does not wait for frames in a tab that nobody sees', () => {
    vi.useFakeTimers()
    const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    const topic = scope.run(() => live.useTopic<Item>('services'))!
    snapshot('services', {})
    change({ a: { name: 'web' } })

    vi.advanceTimersByTime(250)

    expect(topic.list.value).toEqual([{ name: 'web' }])
    expect(frames).toEqual([])
    hidden.mockRestore()
    vi.useRealTimers()
  })

  it('is left with the component', () => {
    scope.run(() => live.useTopic<Item>('services'))

    scope.stop()

    expect(socket.sent).toEqual([{ subscribe: 'services' }, { unsubscribe: 'services' }])
  })

  it('may change, and forgets what it knew', async () => {
    const name = ref<string | null>('services/web')
    const topic = scope.run(() => live.useTopic<Item>(name))!
    snapshot('services/web', { a: { name: 'web' } })

    name.value = 'services/db'
    await nextTick()
    expect([topic.known.value, topic.one.value]).toEqual([false, null])
    snapshot('services/web', { a: { name: 'web' } })
    snapshot('services/db', { b: { name: 'db' } })
    expect(topic.one.value).toEqual({ name: 'db' })

    name.value = null
    await nextTick()
    expect([topic.known.value, topic.one.value]).toEqual([false, null])
    expect(socket.sent).toEqual([
      { subscribe: 'services/web' },
      { unsubscribe: 'services/web' },
      { subscribe: 'services/db' },
      { unsubscribe: 'services/db' },
    ])
  })

  it('has a problem until it is heard of again', () => {
    const topic = scope.run(() => live.useTopic<Item>('services'))!

    socket.hear({ topic: 'services', error: { code: 'forbidden', status: 403, title: '', detail: 'You may not.' } })
    expect(topic.problem.value?.status).toBe(403)

    snapshot('services', {})
    expect(topic.problem.value).toBeNull()
  })

  it('shares what is known with whoever follows it too', () => {
    scope.run(() => live.useTopic<Item>('services'))
    snapshot('services', { a: { name: 'web' } })

    const later = scope.run(() => live.useTopic<Item>('services'))!

    expect(later.known.value).toBe(true)
    expect(later.one.value).toEqual({ name: 'web' })
  })
})

describe('how fresh everything is', () => {
  it('tells where it comes from', () => {
    scope.run(() => live.useTopic<Item>('services'))

    snapshot('services', {}, { sources: [{ name: 'engine', state: 'stale' }] })

    expect(live.sources.value).toEqual([{ name: 'engine', state: 'stale' }])
  })

  it('is not that of nodes, which tell of themselves by topic', () => {
    scope.run(() => live.useTopic<Item>('services'))
    snapshot('services', {}, { sources: [{ name: 'engine', state: 'fresh' }] })
    const containers = scope.run(() => live.useTopic<Item>('containers'))!
    const told = [{ name: 'node1', state: 'fresh' }, { name: 'node2', state: 'never', error: 'No way there.' }]

    snapshot('containers', {}, { sources: told })

    expect(live.sources.value).toEqual([{ name: 'engine', state: 'fresh' }])
    expect(containers.sources.value).toEqual(told)
  })

  it('is told apart from nodes where a list tells of both', () => {
    const images = scope.run(() => live.useTopic<Item>('images'))!
    const [own, node] = [{ name: 'engine', state: 'never', error: 'Nobody there.' }, { name: 'node1', state: 'fresh' }]

    snapshot('images', {}, { sources: [own, node] })

    expect(live.sources.value).toEqual([own])
    expect(images.sources.value).toEqual([node])
  })

  it('tells since when it is old', () => {
    vi.useFakeTimers({ now: 1000 })
    expect([live.liveState.value, live.oldSince.value]).toEqual(['live', null])

    socket.onclose?.({ code: 1006 })
    expect([live.liveState.value, live.oldSince.value]).toEqual(['lost', 1000])
    vi.setSystemTime(9000)
    live.live().hurry()
    expect([live.liveState.value, live.oldSince.value]).toEqual(['connecting', 1000])
    socket.onopen?.()
    expect([live.liveState.value, live.oldSince.value]).toEqual(['live', null])
    vi.useRealTimers()
  })

  it('is tried at once when somebody comes back to the tab', () => {
    socket.onclose?.({ code: 1006 })
    expect(live.liveState.value).toBe('lost')

    document.dispatchEvent(new Event('visibilitychange'))

    expect(live.liveState.value).toBe('connecting')
  })
})
