/** What the caller may do to single objects: asked once for many, known until they are another. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { computed } from 'vue'
import { caller, mayNotOn, mayOn } from '../../src/caller'
import { serve } from '../plugin-pages/fakes'

const ANN = { name: 'ann', kind: 'user' as const, version: '1', actions: ['service:update'] }

beforeEach(() => (caller.value = { ...ANN }))
afterEach(() => {
  caller.value = null
  vi.unstubAllGlobals()
})

function serveRights(rights: Record<string, string[]>) {
  return serve(({ url }) => {
    const names = new URLSearchParams(url.split('?')[1]).getAll('name')
    return [200, { items: names.filter((name) => name in rights).map((name) => ({ name, actions: rights[name] })) }]
  })
}

describe('what may be done to an object', () => {
  it('is asked for all that are wanted at a time, and then known', async () => {
    const server = serveRights({ web: ['service:read', 'service:update'], api: ['service:read'] })
    const shown = computed(() => ['web', 'api', 'gone'].filter((name) => mayOn('service:update', name)))

    expect(shown.value).toEqual([])
    expect(mayNotOn('service:update', 'api')).toBe(false)
    await flushPromises()

    expect(shown.value).toEqual(['web'])
    expect([mayNotOn('service:update', 'api'), mayNotOn('service:update', 'web')]).toEqual([true, false])
    expect(mayOn('service:read', 'api')).toBe(true)
    await flushPromises()
    expect(server.sent.map((each) => each.url)).toEqual(['/api/v1/whoami/rights?kind=service&name=web&name=api&name=gone'])
  })

  it('is asked anew once the caller may do something else', async () => {
    const server = serveRights({ web: ['service:update'] })
    mayOn('service:update', 'web')
    await flushPromises()
    caller.value = { ...ANN, actions: [] }

    expect(mayOn('service:update', 'web')).toBe(false)
    await flushPromises()
    expect(server.sent.length).toBe(2)
  })

  it('is nothing where the server cannot tell, and it is not asked again and again', async () => {
    const server = serve(() => [500, {}])
    mayOn('service:update', 'web')
    await flushPromises()

    expect(mayOn('service:update', 'web')).toBe(false)
    await flushPromises()
    expect(server.sent.length).toBe(1)
  })

  it('is what may be done in general to whoever runs the server', () => {
    caller.value = { ...ANN, name: 'local', kind: 'local' }

    expect([mayOn('service:update', 'web'), mayOn('service:remove', 'web')]).toEqual([true, false])
    expect(mayNotOn('service:remove', 'web')).toBe(true)
  })
})
