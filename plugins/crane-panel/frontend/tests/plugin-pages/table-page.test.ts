import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import type { Page } from '../../src/pages/plugin-pages/page'
import TablePage from '../../src/pages/plugin-pages/TablePage.vue'
import { FakeSocket } from '../live/fakes'
import { show, type Shown } from '../parts/support'
import { action, serve, tablePage, type Server } from './fakes'

let socket: FakeSocket
let server: Server
let open: VueWrapper | null = null
const LIST = '/api/v1/odd/list'
const FREEZES = [
  { name: 'web', reason: 'an audit' },
  { name: 'db', reason: 'a move' },
]

vi.stubGlobal('WebSocket', function () {
  socket = new FakeSocket()
  return socket
})

beforeEach(() => {
  localStorage.clear()
  server = serve(({ url }) => (url.startsWith(LIST) ? [200, { items: FREEZES, total: 2 }] : [404, { code: 'not-found', status: 404, title: '', detail: 'Nothing there.' }]))
})
afterEach(() => {
  open?.unmount()
  open = null
  document.body.innerHTML = ''
})

async function showPage(more: Partial<Page> = {}, address = '/freezes'): Promise<Shown> {
  const shown = await show(TablePage, { props: { page: tablePage({ source: LIST, ...more }) } }, address)
  open = shown.wrapper
  return shown
}

const names = (wrapper: VueWrapper): (string | undefined)[] =>
  wrapper.findAll('tbody tr[data-row]').map((row) => row.attributes('data-row'))
const inDialog = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(`.action-dialog ${selector}`)]
const dialogText = (): string => document.querySelector('.action-dialog')?.textContent?.replace(/\s+/g, ' ').trim() ?? ''
const asked = (): string[] => server.sent.map((sent) => `${sent.method} ${sent.url}`)

async function press(wrapper: VueWrapper, label: string): Promise<void> {
  const button = wrapper.findAll('button').find((each) => each.text() === label)!
  await button.trigger('click')
  await flushPromises()
}

async function submit(): Promise<void> {
  inDialog('form')[0]!.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
  await nextTick()
}

async function type(field: string, text: string): Promise<void> {
  const input = inDialog(`[data-field="${field}"] :is(input, textarea, select)`)[0] as HTMLInputElement
  input.value = text
  input.dispatchEvent(new Event('input'))
  input.dispatchEvent(new Event('change'))
  await nextTick()
}

describe('a page that is described by data', () => {
  it('shows its list, with links', async () => {
    const { wrapper } = await showPage()

    expect(wrapper.find('h1').text()).toBe('Freezes')
    expect(names(wrapper)).toEqual(['db', 'web'])
    expect(wrapper.find('tbody a').attributes('href')).toBe('/services/db')
    expect(asked()).toEqual([`GET ${LIST}?limit=1000`])
    expect(wrapper.find('th.tick').exists()).toBe(false)
  })

  it('shows each kind as what it is, and nothing where there is nothing', async () => {
    server.answer = () => [
      200,
      { items: [{ name: 'a', Spec: { size: 2048 }, state: 'failed', at: '2026-01-01T00:00:00Z', tags: ['x', 'y'] }], total: 1 },
    ]
    const column = (member: string, kind: 'bytes' | 'state' | 'moment' | 'list' | 'text') => ({ member, kind, title: member, link: '' })
    const { wrapper } = await showPage({
      columns: [column('Spec.size', 'bytes'), column('state', 'state'), column('at', 'moment'), column('tags', 'list'), column('no', 'text')],
    })

    const [size, state, at, tags, none] = wrapper.findAll('tbody td')
    expect(size!.text()).toBe('2 KiB')
    expect(state!.find('[data-state=failed]').exists()).toBe(true)
    expect(at!.find('time').attributes('datetime')).toBe('2026-01-01T00:00:00Z')
    expect(tags!.findAll('.one').map((each) => each.text())).toEqual(['x', 'y'])
    expect(none!.text()).toBe('–')
  })

  it('asks again when somebody comes back to the tab', async () => {
    const { wrapper } = await showPage()
    server.answer = () => [200, { items: FREEZES.slice(1), total: 1 }]

    document.dispatchEvent(new Event('visibilitychange'))
    await flushPromises()

    expect(names(wrapper)).toEqual(['db'])
    wrapper.unmount()
    document.dispatchEvent(new Event('visibilitychange'))
    expect(server.sent).toHaveLength(2)
  })

  it('says why it cannot be read', async () => {
    server.answer = () => [500, { code: 'error', status: 500, title: '', detail: 'It broke.' }]

    expect((await showPage()).wrapper.find('[role=alert]').text()).toContain('It broke.')
  })

  it('that is empty offers what can be done', async () => {
    server.answer = () => [200, { items: [], total: 0 }]
    const { wrapper } = await showPage({ actions: [action('Freeze', { each: false })] })

    expect(wrapper.find('.empty').attributes('data-kind')).toBe('none')
    expect(wrapper.find('.empty button').text()).toBe('Freeze')
  })
})

describe('a list that has a topic of its name', () => {
  it('is followed, and not asked', async () => {
    const { wrapper } = await showPage({ source: '/api/v1/freezes' })
    socket.onopen?.()
    socket.hear({ topic: 'freezes', version: '1', snapshot: { web: FREEZES[0] } })
    await flushPromises()
    expect(names(wrapper)).toEqual(['web'])

    socket.hear({ topic: 'freezes', version: '2', snapshot: { db: FREEZES[1] } })
    await flushPromises()

    expect(names(wrapper)).toEqual(['db'])
    expect(server.sent).toEqual([])
  })

  it('is asked when the topic may not be followed, or is none', async () => {
    server.answer = ({ url }) => [200, { items: url.startsWith('/api/v1/things') ? FREEZES : [], total: 2 }]
    const { wrapper } = await showPage({ source: '/api/v1/things' })
    socket.hear({ topic: 'things', error: { code: 'not-found', status: 404, title: '', detail: 'No such topic.' } })
    await flushPromises()

    expect(names(wrapper)).toEqual(['db', 'web'])
    expect(asked()).toEqual(['GET /api/v1/things?limit=1000'])
  })
})

describe('a long list', () => {
  beforeEach(() => {
    server.answer = ({ url }) => {
      const query = new URL(url, location.origin).searchParams
      if (query.get('sort') === 'reason') {
        return [422, { code: 'invalid', status: 422, title: '', detail: 'No.', errors: [{ pointer: '/sort', detail: 'No.' }] }]
      }
      const limit = Number(query.get('limit'))
      return [200, { items: Array.from({ length: limit }, (_, index) => ({ name: `n${Number(query.get('offset')) + index}` })), total: 2500 }]
    }
  })

  it('comes a page at a time, as its address says', async () => {
    const { wrapper } = await showPage({}, '/freezes?offset=100&q=n&sort=-name')

    expect(asked()).toEqual([`GET ${LIST}?limit=1000`, `GET ${LIST}?limit=100&offset=100&sort=-name&q=n`])
    expect(names(wrapper)[0]).toBe('n100')
    expect(wrapper.find('.pages').text()).toContain('101–200 of 2,500')
  })

  it('is turned, and sorted from its first page', async () => {
    const { wrapper, router } = await showPage({}, '/freezes?offset=100')

    await press(wrapper, 'Next page')
    expect(router.currentRoute.value.query).toEqual({ offset: '200' })
    expect(asked().at(-1)).toBe(`GET ${LIST}?limit=100&offset=200`)

    await press(wrapper, 'Service')
    await flushPromises()
    expect(router.currentRoute.value.query).toEqual({ sort: '-name' })
    expect(asked().at(-1)).toBe(`GET ${LIST}?limit=100&offset=0&sort=-name`)
  })

  it('is not sorted by what the server cannot sort by', async () => {
    const { wrapper } = await showPage()

    await press(wrapper, 'Why')
    await flushPromises()

    expect(asked().slice(-2)).toEqual([`GET ${LIST}?limit=100&offset=0&sort=reason`, `GET ${LIST}?limit=100&offset=0`])
    expect(names(wrapper)).toHaveLength(wrapper.findAll('tbody tr[data-row]').length)
    expect(wrapper.findAll('th button').map((button) => button.text())).toEqual(['Service'])
    expect(wrapper.find('[role=alert]').exists()).toBe(false)
  })
})

describe('an action', () => {
  const thaw = action('Thaw', { confirm: 'Thaw {name}, so that it can be changed?', url: '/api/v1/freezes/{name}' })
  const field = { name: 'reason', title: 'Why', kind: 'text' as const, required: true, choices: [], help: 'They are told.' }
  const freeze = action('Freeze', { method: 'PUT', each: false, fields: [{ ...field, name: 'name', title: 'Service' }, field] })

  it('on an item is asked about, sent, and seen', async () => {
    const { wrapper } = await showPage({ actions: [thaw] })
    await press(wrapper, 'Thaw')
    expect(dialogText()).toContain('Thaw: db')
    expect(dialogText()).toContain('Thaw db, so that it can be changed?')
    expect(server.sent).toHaveLength(1)
    server.answer = ({ method }) => (method === 'DELETE' ? [200, {}] : [200, { items: FREEZES.slice(0, 1), total: 1 }])

    await submit()

    expect(asked().slice(1)).toEqual(['DELETE /api/v1/freezes/db', `GET ${LIST}?limit=1000`])
    expect(server.sent[1]!.body).toBeUndefined()
    expect(names(wrapper)).toEqual(['web'])
    expect(inDialog('form')).toEqual([])
  })

  it('that asks nothing is done at once, and says so only when it fails', async () => {
    const { wrapper } = await showPage({ actions: [action('Thaw')] })
    server.answer = () => [409, { code: 'conflict', status: 409, title: '', detail: 'It is busy.' }]

    await press(wrapper, 'Thaw')

    expect(asked().at(-1)).toBe('DELETE /api/v1/freezes/db')
    expect(dialogText()).toContain('It is busy.')
  })

  it('of the page is filled in first', async () => {
    const { wrapper } = await showPage({ actions: [freeze] })
    await press(wrapper, 'Freeze')

    await submit()
    expect(inDialog('.error').map((each) => each.textContent?.trim())).toEqual(['This must be filled in.', 'This must be filled in.'])
    expect(inDialog('[aria-invalid=true]')).toHaveLength(2)
    expect(document.activeElement).toBe(inDialog('[data-field=name] input')[0])
    await type('name', 'shop/web')
    await type('reason', 'an audit')
    await submit()

    expect(server.sent.find((sent) => sent.method === 'PUT')).toEqual({
      method: 'PUT',
      url: '/api/v1/freezes/shop%2Fweb',
      body: { reason: 'an audit' },
    })
  })

  it('shows what the server objects to at its field', async () => {
    const { wrapper } = await showPage({ actions: [freeze] })
    await press(wrapper, 'Freeze')
    await type('name', 'web')
    await type('reason', 'x')
    server.answer = () => [
      422,
      { code: 'invalid', status: 422, title: '', detail: 'Not valid.', errors: [{ pointer: '/reason', detail: 'Too short.' }] },
    ]
    await submit()

    const input = inDialog('[data-field=reason] input')[0]!
    const described = input.getAttribute('aria-describedby')!.split(' ').map((id) => document.getElementById(id)!.textContent?.trim())
    expect(described).toEqual(['They are told.', 'Too short.'])
    expect(document.activeElement).toBe(input)
    expect(inDialog('.problem')).toEqual([])
  })

  it('on one item begins with what it has', async () => {
    const { wrapper } = await showPage({ actions: [action('Edit', { method: 'PATCH', fields: [field] })] })

    await press(wrapper, 'Edit')

    expect((inDialog('[data-field=reason] input')[0] as HTMLInputElement).value).toBe('a move')
  })

  it('on several is sent for each, and those that fail can be tried again alone', async () => {
    const { wrapper } = await showPage({ actions: [thaw] })
    await wrapper.find('th.tick input').setValue(true)
    await press(wrapper, 'Thaw')
    expect(dialogText()).toContain('Thaw: 2 items')
    expect(inDialog('.questions li').map((each) => each.textContent)).toEqual([
      'Thaw db, so that it can be changed?',
      'Thaw web, so that it can be changed?',
    ])
    server.answer = ({ method, url }) =>
      url.endsWith('/web')
        ? [409, { code: 'conflict', status: 409, title: '', detail: 'It is busy.' }]
        : [200, method === 'DELETE' ? {} : { items: FREEZES.slice(0, 1), total: 1 }]
    await submit()

    expect(asked().filter((each) => each.startsWith('DELETE'))).toEqual([
      'DELETE /api/v1/freezes/db',
      'DELETE /api/v1/freezes/web',
    ])
    expect(dialogText()).toContain('1 of 2 failed.')
    expect(inDialog('.problem .title').map((each) => each.textContent)).toEqual(['web'])
    expect(names(wrapper)).toEqual(['web'])

    server.answer = ({ method }) => [200, method === 'DELETE' ? {} : { items: [], total: 0 }]
    await submit()
    expect(asked().filter((each) => each.startsWith('DELETE'))).toHaveLength(3)
    expect(inDialog('form')).toEqual([])
    expect(wrapper.find('.tools strong').exists()).toBe(false)
  })

  it('is not sent for an item that its address cannot name', async () => {
    const { wrapper } = await showPage({ actions: [action('Thaw', { url: '/api/v1/freezes/{id}' })] })

    await press(wrapper, 'Thaw')

    expect(server.sent).toHaveLength(1)
    expect(dialogText()).toContain('db cannot be named in an address')
  })

  it('that answers with an operation is followed', async () => {
    const { wrapper } = await showPage({ actions: [thaw] })
    await press(wrapper, 'Thaw')
    server.answer = ({ method }) =>
      method === 'DELETE'
        ? [202, { id: 'o1', kind: 'service.scale', target: 'db', state: 'following', revision: 1, steps: [], services: [], verdict: null, warnings: [] }]
        : [200, { items: FREEZES, total: 2 }]

    await submit()

    expect(socket.sent).toContainEqual({ subscribe: 'operations/o1' })
    expect(inDialog('.el-dialog__footer button').map((each) => each.textContent?.trim())).toEqual(['Close'])
  })

  it('among many stands in a menu', async () => {
    const { wrapper } = await showPage({ actions: ['A', 'B', 'C'].map((label) => action(label)) })

    expect(wrapper.findAll('tbody button').map((button) => button.attributes('aria-label'))).toEqual(['More for db', 'More for web'])
  })
})
