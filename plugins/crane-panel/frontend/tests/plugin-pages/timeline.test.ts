/** The page that the plugin crane-history brings, as it stands there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Component } from 'vue'
import type { Router } from 'vue-router'
import { makeContext, type PanelContext } from '../../src/pages/plugin-pages/context'
import { setLanguage } from '../../src/words'
import { FakeSocket } from '../live/fakes'
import { show } from '../parts/support'
import { modulePage, serve, type Server } from './fakes'

interface Line {
  number: number
  at: string
  kind: string
  what: string
  target: string
  name: string
  id: string
  stack: string | null
  by: string
  outcome: string
  operation: string
  detail?: Record<string, unknown>
}
interface Module {
  default: (ctx: PanelContext) => Component
  queryOf(filters: Record<string, string>, more?: Record<string, unknown>): string
  matches(line: Line, filters: Record<string, string>, q?: string): boolean
  merge(...several: Line[][]): Line[]
  linkOf(line: Line): string
  standingOf(line: Line): string
  wholeOf(lines: Line[]): { changes: unknown[]; verdict: unknown }
}

let page: Module
let socket: FakeSocket
let server: Server
let open: VueWrapper | null = null
let router: Router

const line = (number: number, more: Partial<Line> = {}): Line => ({
  number,
  at: `2026-05-04T12:00:${String(number % 60).padStart(2, '0')}.000000Z`,
  kind: 'service.updated',
  what: '',
  target: 'service',
  name: 'shop_web',
  id: 's1',
  stack: 'shop',
  by: 'ann',
  outcome: '',
  operation: '',
  ...more,
})

beforeAll(async () => {
  vi.stubGlobal('WebSocket', function () {
    socket = new FakeSocket()
    return socket
  })
  // Beside the installed packages, so that vue is the one that the panel uses.
  mkdirSync('node_modules/.crane', { recursive: true })
  const source = readFileSync('../../crane-history/crane_history/timeline/page.js', 'utf8')
  writeFileSync('node_modules/.crane/timeline.mjs', source)
  const path = `${process.cwd()}/node_modules/.crane/timeline.mjs`
  page = (await import(/* @vite-ignore */ path)) as Module
})
beforeEach(() => localStorage.clear())
afterEach(() => {
  open?.unmount()
  setLanguage('en')
})

async function showAt(rest: string, answer: Server['answer'], address = '/timeline'): Promise<VueWrapper> {
  server = serve(answer)
  const component = page.default(makeContext(modulePage('/api/v1/timeline/page.js', { title: 'Timeline', path: '/timeline' })))
  const shown = await show(component, { props: { rest } }, address)
  open = shown.wrapper
  router = shown.router
  socket.onopen?.()
  await flushPromises()
  return open
}

const rows = (wrapper: VueWrapper): string[] => wrapper.findAll('tbody [data-column=kind] a').map((link) => link.attributes('href')?.split('/').at(-1) ?? '')

describe('what the page computes', () => {
  it('asks for what is chosen', () => {
    const now = Date.parse('2026-05-04T12:00:00Z')

    expect(page.queryOf({})).toBe('limit=200')
    expect(page.queryOf({ kind: 'service.*', by: 'ann' }, { after: 7, q: 'a&b' })).toBe('kind=service.*&by=ann&q=a%26b&limit=200&after=7')
    expect(page.queryOf({ since: 'day' }, { limit: 0, now })).toBe('since=2026-05-03T12%3A00%3A00.000Z')
    expect(page.queryOf({ since: '2026-01-01T00:00:00Z' }, { limit: 0 })).toBe('since=2026-01-01T00%3A00%3A00Z')
  })

  it.each([
    [{}, '', true],
    [{ kind: 'service.updated' }, '', true],
    [{ kind: 'service.*' }, '', true],
    [{ kind: 'node.*,service.updated' }, '', true],
    [{ kind: 'service' }, '', false],
    [{ by: 'bob' }, '', false],
    [{ by: 'ann', stack: 'shop', name: 'shop_web' }, '', true],
    [{ operation: 'o1' }, '', false],
    [{ since: 'hour' }, '', true],
    [{ since: '2027-01-01T00:00:00Z' }, '', false],
    [{}, 'SHOP_', true],
    [{}, 'bank', false],
  ])('knows whether what comes is asked for: %j %s', (filters, q, wanted) => {
    expect(page.matches(line(1), filters as Record<string, string>, q)).toBe(wanted)
  })

  it('has each line once, the newest first', () => {
    expect(page.merge([line(1), line(3)], [line(3), line(2)]).map((each) => each.number)).toEqual([3, 2, 1])
  })

  it.each([
    [{}, '/services/shop_web'],
    [{ target: 'stack', name: 'a b' }, '/stacks/a%20b'],
    [{ target: 'node', name: 'm1' }, '/nodes/m1'],
    [{ target: 'operation', operation: 'o1' }, '/operations/o1'],
    [{ target: 'plan', id: 'p1' }, '/plans/p1'],
    [{ target: 'task', id: '' }, ''],
    [{ target: 'service', name: '' }, ''],
    [{ target: 'secret' }, ''],
  ])('leads to what a line is about: %j', (more, link) => {
    expect(page.linkOf(line(1, more))).toBe(link)
  })

  it('says how lines stand', () => {
    expect(page.standingOf(line(1, { kind: 'operation.ended', outcome: 'rolled-back' }))).toBe('rolled-back')
    expect(page.standingOf(line(1, { kind: 'request.refused', outcome: '403 forbidden' }))).toBe('failed')
    expect(page.standingOf(line(1, { kind: 'request.answered', outcome: '202' }))).toBe('')
  })

  it('puts together what lines of one operation tell', () => {
    const started = line(1, { detail: { changes: [{ name: 'shop_web' }] } })
    const ended = line(2, { detail: { verdict: { outcome: 'converged' } } })

    expect(page.wholeOf([started, line(3), ended])).toEqual({ changes: [{ name: 'shop_web' }], verdict: { outcome: 'converged' } })
    expect(page.wholeOf([line(3)])).toEqual({ changes: [], verdict: null })
  })
})

describe('the list', () => {
  const answer: Server['answer'] = ({ url }) => [200, url.includes('after=') ? { items: [line(1)], next: null } : { items: [line(5), line(4)], next: 4 }]

  it('shows what was read, what comes, and what is older', async () => {
    const wrapper = await showAt('', answer)
    expect(rows(wrapper)).toEqual(['5', '4'])

    socket.hear({ topic: 'timeline', version: '1', snapshot: { 6: line(6), 5: line(5), 3: line(3) } })
    await flushPromises()
    expect(rows(wrapper)).toEqual(['6', '5', '4'])

    await wrapper.find('[data-older]').trigger('click')
    await flushPromises()
    expect(rows(wrapper)).toEqual(['6', '5', '4', '3', '1'])
    expect(wrapper.find('[data-older]').exists()).toBe(false)
    expect(server.sent.map((sent) => sent.url)).toEqual(['/api/v1/timeline?limit=200', '/api/v1/timeline?limit=200&after=4'])
  })

  it('reads anew when lines are missing between what it has and what comes', async () => {
    await showAt('', answer)
    socket.hear({ topic: 'timeline', version: '1', snapshot: { 5: line(5) } })
    await flushPromises()
    expect(server.sent).toHaveLength(1)

    socket.hear({ topic: 'timeline', version: '2', snapshot: { 207: line(207), 208: line(208) } })
    await flushPromises()

    expect(server.sent).toHaveLength(2)
  })

  it('keeps its filters in the address, and asks by them', async () => {
    const wrapper = await showAt('', answer, '/timeline?stack=shop')
    expect(server.sent[0]?.url).toBe('/api/v1/timeline?stack=shop&limit=200')

    await wrapper.find('[data-filter=kind] select').setValue('request.refused')
    await flushPromises()
    expect(router.currentRoute.value.query).toEqual({ stack: 'shop', kind: 'request.refused' })
    await wrapper.find('[data-chip=stack]').trigger('click')
    await flushPromises()

    expect(server.sent.at(-1)?.url).toBe('/api/v1/timeline?kind=request.refused&limit=200')
    expect(wrapper.find('a[download]').attributes('href')).toBe('/api/v1/timeline/export?format=csv&kind=request.refused')
  })

  it('checks the chain', async () => {
    const proof = { intact: false, lines: 3, first: 1, last: 9, broken: { detail: 'The line 4 is missing.' } }
    const wrapper = await showAt('', (sent) => (sent.url.endsWith('/check') ? [200, proof] : answer(sent)))

    await wrapper.findAll('button').find((button) => button.text() === 'Check')?.trigger('click')
    await flushPromises()

    expect(wrapper.find('[data-intact=false]').text()).toBe('The timeline is broken. The line 4 is missing.')
  })

  it('says why it is empty, and what went wrong', async () => {
    const none = await showAt('', () => [200, { items: [], next: null }])
    expect(none.find('.empty').text()).toContain('Nothing happened yet')
    none.unmount()

    const refused = await showAt('', () => [403, { code: 'forbidden', status: 403, title: 'No.', detail: 'You may not.' }])
    expect(refused.text()).toContain('You may not.')
  })

  it('speaks Chinese', async () => {
    const wrapper = await showAt('', answer)

    setLanguage('zh-CN')
    await flushPromises()

    expect(wrapper.find('tbody').text()).toContain('服务已更改')
  })
})

describe('one line', () => {
  it('is shown with what was before and after, and how it ended', async () => {
    const fields = [{ path: '/TaskTemplate/ContainerSpec/Image', old: 'nginx:1', new: 'nginx:2' }, { path: '/Mode', old: null, new: { Global: {} } }]
    const ended = { ...line(9, { kind: 'operation.ended', target: 'operation', operation: 'o1' }), detail: { verdict: { outcome: 'failed', cause: 'No such image.' } } }
    const started = { ...line(7, { kind: 'operation.started', target: 'operation', operation: 'o1' }), detail: { changes: [{ kind: 'service', name: 'shop_web', action: 'update', fields }] }, related: [ended] }
    const wrapper = await showAt('7', () => [200, started])

    expect(server.sent[0]?.url).toBe('/api/v1/timeline/7')
    expect(wrapper.find('h1').text()).toBe('Operation started')
    const change = wrapper.find('[data-change="service shop_web"]')
    expect(change.findAll('dd').map((side) => side.text())).toEqual(['− nginx:1', '+ nginx:2', '+ {"Global":{}}'])
    expect(wrapper.text()).toContain('No such image.')
    expect(wrapper.findAll('a').map((link) => link.attributes('href'))).toEqual(expect.arrayContaining(['/timeline', '/operations/o1', '/timeline/9']))
  })

  it('that is not there is said to be so', async () => {
    const wrapper = await showAt('99', () => [404, { code: 'line-not-found', status: 404, title: 'No.', detail: 'There is no line 99.' }])

    expect(wrapper.find('h1').text()).toBe('Line 99')
    expect(wrapper.text()).toContain('There is no line 99.')
  })
})
