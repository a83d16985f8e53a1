/** A server that answers what a test wrote down, and pages to show. */
import { vi } from 'vitest'
import type { Page, PageAction } from '../../src/pages/plugin-pages/page'

export interface Sent {
  method: string
  url: string
  body: unknown
}

export interface Server {
  sent: Sent[]
  answer: (sent: Sent) => [status: number, body: unknown]
}

/** Stand in for the server; `answer` may be replaced while a test runs. */
export function serve(answer: Server['answer']): Server {
  const server: Server = { sent: [], answer }
  vi.stubGlobal('fetch', async (input: Request | string, init: RequestInit = {}) => {
    const request = typeof input === 'string' ? null : input
    const address = new URL(request?.url ?? String(input), location.origin)
    const text = request ? await request.text() : init.body
    const sent: Sent = {
      method: request?.method ?? init.method ?? 'GET',
      url: address.pathname + address.search,
      body: text ? (JSON.parse(String(text)) as unknown) : undefined,
    }
    server.sent.push(sent)
    const [status, body] = server.answer(sent)
    return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
  })
  return server
}

/** Return a page that is described by data. */
export function tablePage(more: Partial<Page> = {}): Page {
  return {
    path: '/freezes',
    title: 'Freezes',
    group: 'applications',
    plugin: 'freeze',
    action: 'freeze:read',
    module: null,
    source: '/api/v1/freezes',
    key: 'name',
    columns: [
      { member: 'name', title: 'Service', kind: 'text', link: '/services/{name}' },
      { member: 'reason', title: 'Why', kind: 'text', link: '' },
    ],
    actions: [],
    words: {},
    ...more,
  }
}

/** Return a page that is a module. */
export function modulePage(module = '/api/v1/notes/board.js', more: Partial<Page> = {}): Page {
  return tablePage({ path: '/board', title: 'Board', plugin: 'notes', module, source: null, columns: [], ...more })
}

/** Return something to do on a page. */
export function action(label: string, more: Partial<PageAction> = {}): PageAction {
  return {
    label,
    method: 'DELETE',
    url: '/api/v1/freezes/{name}',
    action: 'freeze:remove',
    each: true,
    confirm: '',
    fields: [],
    ...more,
  }
}
