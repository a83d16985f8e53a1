/** What something uses, read once and continued live. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { live } from '../../src/live'
import { now } from '../../src/now'
import { useFigures, type Figures } from '../../src/parts/figures/use-figures'
import { FakeSocket } from '../live/fakes'
import { serve, type Server } from '../plugin-pages/fakes'
import { row, stats } from './some'

const AT = Date.parse('2026-03-01T12:00:00Z') / 1000
let socket: FakeSocket
let server: Server
let scope: EffectScope
const span = ref(3600)
const byTask = ref(false)
const name = ref('shop_web')

beforeEach(() => {
  vi.stubGlobal('WebSocket', function () {
    return (socket = new FakeSocket())
  })
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => run())
  vi.useFakeTimers({ now: AT * 1000, toFake: ['Date'] })
  ;[span.value, byTask.value, name.value, now.value] = [3600, false, 'shop_web', AT * 1000]
  scope = effectScope()
  server = serve(() => [200, stats([[AT - 15, 1], [AT, 2]])])
})
afterEach(() => {
  scope.stop()
  live().close()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function follow(): Promise<Figures> {
  const figures = scope.run(() => useFigures('services', name, span, byTask))!
  socket.onopen?.()
  await flushPromises()
  return figures
}

async function tell(more: Parameters<typeof row>[1] = {}, sources: object[] = []): Promise<void> {
  socket.hear({ topic: 'stats/services/shop_web', version: '1', snapshot: { w: row('shop_web', more) }, sources })
  await nextTick()
}

it('is asked of the server, and continued by what is told live', async () => {
  const figures = await follow()
  expect(decodeURIComponent(server.sent[0]!.url)).toBe('/api/v1/stats/services/shop_web?since=2026-03-01T11:00:00.000Z&by=all')
  expect(figures.charts.value[0]!.series.times).toEqual([AT - 15, AT])

  await tell({ sampled_at: '2026-03-01T12:00:10Z' })

  expect(figures.charts.value[0]!.series).toEqual({ times: [AT - 15, AT, AT + 10], columns: [[1, 2, 0.5]] })
  expect(figures.range.value).toEqual({ from: AT + 10 - 3600, to: AT + 10 })
  expect(figures.gap.value).toBe(90)
  expect(server.sent.length).toBe(1)
})

it('moves on while nothing is told, so that silence is seen', async () => {
  const figures = await follow()

  now.value = (AT + 60) * 1000
  await nextTick()

  expect(figures.range.value.to).toBe(AT + 60)
})

it('is read again after the connection was lost', async () => {
  await follow()
  socket.onclose?.({ code: 1006 })
  live().hurry()

  socket.onopen?.()
  await flushPromises()

  expect(server.sent.length).toBe(2)
})

it('of its tasks is read anew now and then', async () => {
  byTask.value = true
  const figures = await follow()
  expect(server.sent[0]!.url).toContain('by=task')
  const tick = async (seconds: number): Promise<void> => {
    vi.setSystemTime((AT + seconds) * 1000)
    now.value = Date.now()
    await flushPromises()
  }

  await tick(5)
  expect(server.sent.length).toBe(1)
  await tick(16)
  expect(server.sent.length).toBe(2)
  expect(figures.charts.value[0]!.key).toBe('cpu')
})

it('of weeks is asked of Prometheus', async () => {
  span.value = 604_800
  await follow()

  expect(server.sent[0]!.url).toContain('/api/v1/stats-history/services/shop_web?since=2026-02-22')
})

it('is of another thing once another is asked for, and unknown until then', async () => {
  const figures = await follow()
  name.value = 'shop_api'
  await nextTick()
  expect(figures.known.value).toBe(false)

  await flushPromises()

  expect([figures.known.value, server.sent.at(-1)!.url.includes('shop_api')]).toEqual([true, true])
})

it('says which nodes are not heard, and what the server refused', async () => {
  const figures = await follow()
  await tell({}, [{ name: 'node1', state: 'fresh' }, { name: 'node2', state: 'stale', error: 'It does not answer.' }])
  expect(figures.silent.value.map((source) => source.name)).toEqual(['node2'])

  server.answer = () => [502, { code: 'prometheus-unavailable', status: 502, title: '', detail: 'Not there.' }]
  span.value = 604_800
  await flushPromises()

  expect(figures.problem.value?.code).toBe('prometheus-unavailable')
})
