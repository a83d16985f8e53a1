/** The events that one looks at: in order, and without holes that nobody tells of. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, type EffectScope } from 'vue'
import type { HappenedEvent } from '../../src/api/monitoring'
import { live } from '../../src/live'
import { pathOf, sayDetail, toneOf } from '../../src/pages/events/event'
import { behind, LOST, MOST, newOnes, useEventLog, type EventLog } from '../../src/pages/events/log'
import { FakeSocket } from '../live/fakes'
import { serve, type Server } from '../plugin-pages/fakes'

const event = (number: number, more: Partial<HappenedEvent> = {}): HappenedEvent => ({
  cursor: `run1-${number}`,
  number,
  at: '2026-03-01T12:00:00Z',
  source: 'node',
  kind: 'container.start',
  name: `c${number}`,
  id: `id${number}`,
  node: 'node1',
  stack: null,
  service: null,
  by: '',
  detail: {},
  ...more,
})
const numbers = (events: readonly HappenedEvent[]): number[] => events.map((each) => each.number)

describe('what is new', () => {
  it('is everything at first, in order', () => {
    expect(numbers(newOnes([], [event(3), event(2)])!)).toEqual([2, 3])
  })

  it('is what comes behind what is known', () => {
    expect(numbers(newOnes([event(1), event(2)], [event(2), event(3)])!)).toEqual([3])
    expect(newOnes([event(2)], [event(2)])).toEqual([])
    expect(newOnes([event(2)], [])).toEqual([])
  })

  it('has to be read where there may be something between, and after the server was started anew', () => {
    expect(newOnes([event(2)], [event(9)])).toBeNull()
    expect(newOnes([event(2)], [event(3, { cursor: 'run2-3' })])).toBeNull()
  })

  it('is not kept twice, and not without end', () => {
    expect(numbers(behind([event(1), event(2)], [event(2), event(3)]))).toEqual([1, 2, 3])
    const many = Array.from({ length: MOST }, (_, at) => event(at + 1))
    expect(numbers(behind(many, [event(MOST + 1)])).slice(0, 1)).toEqual([2])
  })
})

describe('the log', () => {
  let socket: FakeSocket
  let server: Server
  let scope: EffectScope
  let log: EventLog

  beforeEach(() => {
    vi.stubGlobal('WebSocket', function () {
      return (socket = new FakeSocket())
    })
    vi.stubGlobal('requestAnimationFrame', (run: () => void) => run())
    server = serve(() => [200, { items: [] }])
    scope = effectScope()
    log = scope.run(useEventLog)!
    socket.onopen?.()
  })
  afterEach(() => {
    scope.stop()
    live().close()
    vi.unstubAllGlobals()
  })

  async function tell(...events: HappenedEvent[]): Promise<void> {
    const snapshot = Object.fromEntries(events.map((each) => [each.cursor, each]))
    socket.hear({ topic: 'events', version: '1', snapshot, sources: [] })
    await nextTick()
    await flushPromises()
  }

  it('shows the newest first', async () => {
    await tell(event(1), event(2))
    await tell(event(2), event(3))

    expect(numbers(log.shown.value)).toEqual([3, 2, 1])
    expect(server.sent).toEqual([])
  })

  it('loses nothing while it is held', async () => {
    await tell(event(1))
    log.hold()
    await tell(event(1), event(2))
    await tell(event(2), event(3))
    expect([numbers(log.shown.value), log.waiting.value]).toEqual([[1], 2])

    log.hold()

    expect([numbers(log.shown.value), log.waiting.value]).toEqual([[3, 2, 1], 0])
  })

  it('reads what came between, however much that is', async () => {
    await tell(event(1))
    const pages = [Array.from({ length: 1000 }, (_, at) => event(at + 2)), [event(1002), event(1003)]]
    server.answer = () => [200, { items: pages.shift() ?? [] }]

    await tell(event(1003))

    expect(server.sent.map((sent) => sent.url)).toEqual(['/api/v1/events?after=run1-1&limit=1000', '/api/v1/events?after=run1-1001&limit=1000'])
    expect(numbers(log.shown.value).slice(0, 3)).toEqual([1003, 1002, 1001])
    expect(log.shown.value.length).toBe(1003)
  })

  it('shows a hole as one', async () => {
    await tell(event(7))
    const lost = event(7, { kind: LOST, cursor: 'run2-0', detail: { code: 'server-restarted' } })
    server.answer = () => [200, { items: [lost, event(1, { cursor: 'run2-1' })] }]

    await tell(event(1, { cursor: 'run2-1' }))

    expect(log.shown.value.map((each) => each.kind)).toEqual(['container.start', LOST, 'container.start'])
    expect(sayDetail(log.shown.value[1]!)).toContain('started anew')
  })

  it('has older ones read, until there are none', async () => {
    await tell(event(5))
    server.answer = () => [200, { items: [event(4)] }]
    await log.loadOlder()
    expect(numbers(log.shown.value)).toEqual([5, 4])
    server.answer = () => [200, { items: [] }]

    await log.loadOlder()

    expect(log.atStart.value).toBe(true)
  })
})

it('what failed is seen, and what it is about is found', () => {
  expect(toneOf(event(1, { kind: 'task.failed' }))).toBe('bad')
  expect(toneOf(event(1, { kind: 'container.die', detail: { exitCode: '137' } }))).toBe('bad')
  expect(toneOf(event(1, { kind: 'container.die', detail: { exitCode: '0' } }))).toBe('off')
  expect(toneOf(event(1, { kind: LOST }))).toBe('warn')
  expect(pathOf(event(1, { kind: 'service.updated', name: 'shop_web' }))).toBe('/services/shop_web')
  expect(pathOf(event(1, { kind: 'daemon.reload' }))).toBeNull()
  expect(sayDetail(event(1, { detail: { exitCode: 1, old: { state: 'ready' }, by: null } }))).toBe('exitCode: 1, old: {"state":"ready"}')
})
