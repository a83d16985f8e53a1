import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { caller } from '../../src/caller'
import { navigation } from '../../src/frame/navigation'
import { loadPluginPages } from '../../src/pages/plugin-pages'
import type { Page } from '../../src/pages/plugin-pages/page'
import { router } from '../../src/router'
import { setLanguage } from '../../src/words'
import { modulePage, serve, tablePage } from './fakes'

const warned: string[] = []
const own = { component: { render: () => null } }

beforeAll(async () => {
  vi.spyOn(console, 'warn').mockImplementation((text: string) => warned.push(text))
  router.addRoute({ path: '/services', ...own })
  router.addRoute({ path: '/services/:name', ...own })
  const pages: Page[] = [
    tablePage(),
    modulePage(undefined, { words: { 'zh-CN': { Board: '看板' } } }),
    modulePage('/api/v1/notes/odd.js', { path: '/odd:place/(x)', title: 'Odd' }),
    ...['/services', '/services/mine', '/Services', '/api/page', '/metrics', '/v1.2'].map((path) => tablePage({ path })),
  ]
  const server = serve(() => [200, { items: pages, total: pages.length, version: '', sources: [] }])
  caller.value = { name: 'ann', kind: 'user', version: '1', actions: ['freeze:read'] } as never
  await loadPluginPages()
  expect(server.sent).toEqual([{ method: 'GET', url: '/api/v1/pages?limit=1000', body: undefined }])
  vi.unstubAllGlobals()
})

afterEach(() => router.replace('/'))

function at(path: string): { key: unknown; rest: unknown; title: string | undefined } {
  const to = router.resolve(path)
  const props = to.matched[0]?.props['default']
  const made = typeof props === 'function' ? (props(to as never) as { rest: string }) : { rest: undefined }
  return { key: to.meta.key, rest: made.rest, title: to.meta.title?.({}) }
}

describe('the pages of plugins', () => {
  it('stand in the navigation, in their groups', () => {
    expect(navigation.value.map((section) => [section.group, section.entries.map((entry) => entry.title())])).toEqual([
      ['applications', ['Freezes', 'Board', 'Odd']],
    ])
  })

  it('are said in the language of the reader, as far as they know it', async () => {
    setLanguage('zh-CN')

    const named = navigation.value[0]!.entries.map((entry) => entry.title())
    const props = router.resolve('/board').matched[0]!.props['default'] as (to: unknown) => { page: Page }
    const shown = props(router.resolve('/board')).page

    expect([named, at('/board').title, shown.title]).toEqual([['Freezes', '看板', 'Odd'], '看板', '看板'])
    setLanguage('en')
    expect(at('/board').title).toBe('Board')
  })

  it('have their paths; a module has everything below its own too', () => {
    expect(at('/freezes')).toEqual({ key: '/freezes', rest: '', title: 'Freezes' })
    expect(router.resolve('/freezes/web').name).toBe('not-found')
    expect(at('/board')).toEqual({ key: '/board', rest: '', title: 'Board' })
    expect(at('/board/a/b')).toEqual({ key: '/board', rest: 'a/b', title: 'Board' })
    expect(at('/board/nginx%2Fweb:1')).toEqual({ key: '/board', rest: 'nginx/web:1', title: 'Board' })
  })

  it('have paths that stand for themselves', () => {
    expect(at('/odd:place/(x)').title).toBe('Odd')
    expect(router.resolve('/odd1/(x)').name).toBe('not-found')
  })

  it('demand what the server says', () => {
    expect(router.resolve('/freezes').meta.action).toBe('freeze:read')
  })

  it('do not take the place of the pages of the panel, nor of what the server answers itself', () => {
    expect(warned).toHaveLength(6)
    expect(warned[1]).toBe(
      "The page Freezes of the plugin freeze is not shown: /services/mine is an address of Crane's own.",
    )
    expect(router.resolve('/services/mine').meta.title).toBeUndefined()
  })
})
