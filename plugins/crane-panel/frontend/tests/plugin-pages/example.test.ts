/** The module of docs/how-to/add-a-page.md, as it stands there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Component } from 'vue'
import { makeContext, type PanelContext } from '../../src/pages/plugin-pages/context'
import { setLanguage } from '../../src/words'
import { FakeSocket } from '../live/fakes'
import { show } from '../parts/support'
import { modulePage } from './fakes'

const guide = readFileSync('../../../docs/how-to/add-a-page.md', 'utf8')
const source = /^`crane-notes\/crane_notes\/image-use\.js`:\n\n```js\n(.*?)^```$/ms.exec(guide)?.[1] ?? ''
const service = (name: string, image: string, tasks: number): object => ({ name, image, tasks_running: tasks, state: 'converged' })
const SERVICES = {
  a: service('web', 'nginx:1@sha256:0', 2),
  b: service('api', 'nginx:1@sha256:0', 3),
  c: service('db', 'shop/db:2', 1),
}
let make: (ctx: PanelContext) => Component
let socket: FakeSocket
let open: VueWrapper | null = null

beforeAll(async () => {
  vi.stubGlobal('WebSocket', function () {
    socket = new FakeSocket()
    return socket
  })
  // Beside the installed packages, so that vue is the one that the panel uses.
  mkdirSync('node_modules/.crane', { recursive: true })
  writeFileSync('node_modules/.crane/image-use.mjs', source)
  const path = `${process.cwd()}/node_modules/.crane/image-use.mjs`
  make = ((await import(/* @vite-ignore */ path)) as { default: typeof make }).default
})
beforeEach(() => localStorage.clear())
afterEach(() => {
  open?.unmount()
  setLanguage('en')
})

async function showAt(rest: string): Promise<VueWrapper> {
  const component = make(makeContext(modulePage('/api/v1/notes/image-use.js', { title: 'Image use' })))
  open = (await show(component, { props: { rest } })).wrapper
  socket.onopen?.()
  socket.hear({ topic: 'services', version: '1', snapshot: SERVICES })
  await flushPromises()
  return open
}

const cells = (wrapper: VueWrapper): string[][] =>
  wrapper.findAll('tbody tr[data-row]').map((row) => row.findAll('td').map((cell) => cell.text()))

describe('the module of the guide', () => {
  it('shows the images in use', async () => {
    const wrapper = await showAt('')

    expect(wrapper.find('h1').text()).toBe('Image use')
    expect(cells(wrapper)).toEqual([
      ['nginx:1', '2', '5'],
      ['shop/db:2', '1', '1'],
    ])
    expect(wrapper.findAll('tbody a').map((link) => link.attributes('href'))).toEqual([
      '/image-use/nginx%3A1',
      '/image-use/shop%2Fdb%3A2',
    ])
  })

  it('shows who uses one, and follows what changes', async () => {
    const wrapper = await showAt('nginx:1')
    expect(cells(wrapper)).toEqual([
      ['api', 'Converged', '3'],
      ['web', 'Converged', '2'],
    ])
    expect(wrapper.find('.head nav a').attributes('href')).toBe('/image-use')

    socket.hear({ topic: 'services', version: '2', snapshot: { a: SERVICES.a } })
    await flushPromises()

    expect(cells(wrapper)).toEqual([['web', 'Converged', '2']])
  })

  it('says that nobody uses one, in both languages', async () => {
    const wrapper = await showAt('none:1')
    expect(wrapper.find('.empty').text()).toBe('Nothing runs none:1')

    setLanguage('zh-CN')
    await flushPromises()

    expect(wrapper.find('.empty').text()).toBe('没有服务使用 none:1')
  })

  it('names in the guide every member of the context', () => {
    const table = guide.slice(guide.indexOf('| Member of `ctx` |'), guide.indexOf('Their types are'))
    const context = makeContext(modulePage())

    expect(Object.keys(context).filter((name) => !new RegExp(`^\\| \`${name}\\b`, 'm').test(table))).toEqual([])
    expect(Object.keys(context.parts).filter((name) => !table.includes(`\`${name}\``))).toEqual([])
  })
})
