import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { h, ref, type Component } from 'vue'
import type { PanelContext } from '../../src/pages/plugin-pages/context'
import { loadComponent } from '../../src/pages/plugin-pages/module'
import PluginPage from '../../src/pages/plugin-pages/PluginPage.vue'
import { setLanguage } from '../../src/words'
import { show } from '../parts/support'
import { modulePage, serve, tablePage } from './fakes'

const modules: Record<string, unknown> = {}
let open: VueWrapper | null = null

// What the browser would import; all else of loading is the panel's own.
vi.mock('../../src/pages/plugin-pages/module', async (original) => {
  const real = await original<typeof import('../../src/pages/plugin-pages/module')>()
  return { ...real, loadComponent: vi.fn((page: Parameters<typeof real.loadComponent>[0]) => real.loadComponent(page, importer)) }
})

function importer(url: string): Promise<{ default?: unknown }> {
  const found = modules[url.replace(/[?&]again=\d+$/, '')]
  return found instanceof Error ? Promise.reject(found) : Promise.resolve({ default: found })
}

async function openPage(name: string, make: unknown, rest = ''): Promise<VueWrapper> {
  const url = `/api/v1/notes/${name}.js`
  modules[url] = make
  const { wrapper } = await show(PluginPage, { props: { page: modulePage(url), rest } })
  open = wrapper
  return wrapper
}

const failure = (wrapper: VueWrapper): string => wrapper.find('[role=alert] p').text()

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  vi.spyOn(console, 'warn').mockReturnValue(undefined)
})
afterEach(() => {
  open?.unmount()
  vi.restoreAllMocks()
  setLanguage('en')
})

describe('a page that is a module', () => {
  it('is what its default export returns, and is told the rest of the address', async () => {
    const make = () => ({ props: ['rest'], setup: (props: { rest: string }) => () => h('p', `at ${props.rest}`) })
    const wrapper = await openPage('good', make, 'a/b')
    expect(wrapper.find('p').text()).toBe('at a/b')

    await wrapper.setProps({ rest: 'c' })

    expect(wrapper.find('p').text()).toBe('at c')
  })

  it('may be a promise, and may have to wait for what it shows', async () => {
    const wrapper = await openPage('slow', () =>
      Promise.resolve({
        async setup() {
          await Promise.resolve()
          return () => h('p', 'there')
        },
      }),
    )

    expect(wrapper.find('p').text()).toBe('there')
  })

  it('is given the parts of the panel, which look as they do there', async () => {
    const told: PanelContext[] = []
    const wrapper = await openPage('context', (ctx: PanelContext) => {
      told.push(ctx)
      const t = ctx.words({ hello: 'Hello' }, { hello: '你好' })
      return {
        setup: () => () => h(ctx.parts.PageHead, { title: `${t('hello')} ${ctx.language.value} ${ctx.theme.value}` }),
      }
    })
    expect(wrapper.find('h1').text()).toBe('Hello en light')

    setLanguage('zh-CN')
    await flushPromises()

    expect(wrapper.find('h1').text()).toBe('你好 zh-CN light')
    expect([told[0]!.apiVersion, told[0]!.page.plugin, told[0]!.may('x:read')]).toEqual([1, 'notes', false])
    expect(Object.isFrozen(told[0])).toBe(true)
  })

  it('asks this server only, and throws problems', async () => {
    const told: PanelContext[] = []
    await openPage('asks', (ctx: PanelContext) => {
      told.push(ctx)
      return { render: () => null }
    })
    const server = serve(() => [409, { code: 'busy', status: 409, title: '', detail: 'Busy.' }])

    await expect(told[0]!.ask('/api/v1/notes', { method: 'POST', json: { a: 1 } })).rejects.toMatchObject({ code: 'busy' })
    await expect(told[0]!.ask('https://example.com/')).rejects.toMatchObject({ code: 'foreign-address' })
    expect(server.sent).toEqual([{ method: 'POST', url: '/api/v1/notes', body: { a: 1 } }])
    vi.unstubAllGlobals()
  })

  it('is made once, however often it is opened', async () => {
    const make = vi.fn(() => ({ render: () => h('p', 'once') }))
    const wrapper = await openPage('once', make)
    wrapper.unmount()
    await openPage('once', make)

    expect(make).toHaveBeenCalledOnce()
  })
})

describe('a page that fails', () => {
  const broken = new Error('so badly')
  const CASES: [string, string, unknown][] = [
    ['whose module does not load', 'load', broken],
    ['whose module exports nothing', 'nothing', undefined],
    ['whose module exports no function', 'no-function', { render: () => null }],
    ['whose function throws', 'call', () => { throw broken }],
    ['whose function is rejected', 'reject', () => Promise.reject(broken)],
    ['whose function returns nothing', 'no-component', () => undefined],
    ['that throws in setup', 'setup', () => ({ setup() { throw broken }, render: () => null })],
    ['that is rejected in setup', 'async-setup', () => ({ setup: () => Promise.reject(broken) })],
    ['that throws while it is drawn', 'render', () => ({ render() { throw broken } })],
    ['that throws when it is there', 'mounted', () => ({ mounted() { throw broken }, render: () => h('p') })],
    ['whose part throws', 'inner', () => ({ render: () => h('div', h({ setup() { throw broken }, render: () => null })) })],
  ]

  it.each(CASES)('%s is named, and nothing else is shown of it', async (_, name, make) => {
    const wrapper = await openPage(`fails-${name}`, make)

    expect(failure(wrapper)).toMatch(/^The page Board of the plugin notes failed: (so badly|The default export of .*)$/)
    expect(wrapper.find('h1').text()).toBe('Board')
    expect(wrapper.findAll('[role=alert]')).toHaveLength(1)
    expect(console.error).toHaveBeenCalled()
  })

  it('says in the raw text where it failed', async () => {
    const wrapper = await openPage('fails-raw', () => ({ render() { throw broken } }))

    expect(JSON.parse(wrapper.find('pre').text())).toMatchObject({
      code: 'page-failed',
      page: '/board',
      module: '/api/v1/notes/fails-raw.js',
      stack: expect.arrayContaining(['Error: so badly']) as unknown,
    })
  })

  it('when something is pressed stays as it is', async () => {
    const count = ref(0)
    const wrapper = await openPage('handler', () => ({
      setup: () => () =>
        h('button', { id: 'press', onClick: () => { count.value += 1; if (count.value === 1) throw broken } }, `pressed ${count.value}`),
    }))

    await wrapper.find('#press').trigger('click')
    expect(failure(wrapper)).toBe('The page Board of the plugin notes failed: so badly')
    await wrapper.find('#press').trigger('click')

    expect(wrapper.find('#press').text()).toBe('pressed 2')
  })

  it('when something is pressed, later', async () => {
    const wrapper = await openPage('async-handler', () => ({ render: () => h('button', { id: 'press', onClick: () => Promise.reject(broken) }) }))

    await wrapper.find('#press').trigger('click')
    await flushPromises()

    expect(failure(wrapper)).toContain('so badly')
    expect(wrapper.find('#press').exists()).toBe(true)
  })

  it('leaves what stands beside it alone', async () => {
    modules['/api/v1/notes/beside.js'] = () => ({ render() { throw broken } })
    const caught = vi.fn()
    const frame: Component = {
      errorCaptured: caught,
      render: () => h('div', [h('nav', 'Services'), h(PluginPage, { page: modulePage('/api/v1/notes/beside.js'), rest: '' })]),
    }
    open = (await show(frame)).wrapper

    expect(open.find('nav').text()).toBe('Services')
    expect(failure(open)).toContain('so badly')
    expect(caught).not.toHaveBeenCalled()
  })

  it('can be tried again, and works once it does', async () => {
    let works = false
    const wrapper = await openPage('again', () => ({ render() { if (!works) throw broken; return h('p', 'works') } }))
    works = true

    await wrapper.find('button.retry').trigger('click')
    await flushPromises()

    expect(wrapper.find('p').text()).toBe('works')
    expect(wrapper.find('[role=alert]').exists()).toBe(false)
  })

  it('says so in Chinese', async () => {
    setLanguage('zh-CN')

    expect(failure(await openPage('chinese', () => { throw broken }))).toBe('插件 notes 的页面“Board”出错：so badly')
  })

  it('is named also when it is described by data', async () => {
    serve(() => [200, { items: [], total: 0 }])
    const page = tablePage({ source: '/api/v1/odd/list', columns: null as never })
    open = (await show(PluginPage, { props: { page, rest: '' } })).wrapper

    expect(failure(open)).toContain('The page Freezes of the plugin freeze failed: ')
    vi.unstubAllGlobals()
  })
})

describe('loading a module', () => {
  it('that failed asks for it by another address, because browsers remember failures', async () => {
    vi.mocked(loadComponent).mockRestore()
    const { loadComponent: load } = await vi.importActual<typeof import('../../src/pages/plugin-pages/module')>(
      '../../src/pages/plugin-pages/module',
    )
    const asked: string[] = []
    const tries = (url: string) => (asked.push(url), Promise.reject(new Error('no')))
    const page = modulePage('/api/v1/notes/gone.js?v=2')

    await expect(load(page, tries)).rejects.toThrow('no')
    await expect(load(page, tries)).rejects.toThrow('no')

    expect(asked).toEqual(['/api/v1/notes/gone.js?v=2', '/api/v1/notes/gone.js?v=2&again=1'])
  })
})
