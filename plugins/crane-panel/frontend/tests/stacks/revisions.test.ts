import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RevisionDiff } from '../../src/api/types'
import { caller } from '../../src/caller'
import { sayDifference } from '../../src/pages/stacks/revisions'
import StackRevisions from '../../src/pages/stacks/StackRevisions.vue'
import { change } from '../../src/parts/change'
import { show } from '../parts/support'
import { serve } from '../plugin-pages/fakes'

const NONE: RevisionDiff = { from: 1, to: 2, files: [], variables: [], attachments: [], options: [], images: [] }
const REVISION = { id: 'shop@1', number: 1, stack: 'shop', by: 'ann', at: '2026-01-01T00:00:00Z', outcome: 'converged', cause: 'Well.', operation: 'o1', same_as: null }

describe('the difference of two revisions', () => {
  it('is nothing when there is none', () => {
    expect(sayDifference(NONE)).toBe('')
  })

  it('has the lines of files first, and says what cannot be shown', () => {
    const files = [
      { name: 'a.yml', change: 'changed' as const, diff: '-x\n+y\n', hidden_differs: false },
      { name: 'b.yml', change: 'changed' as const, diff: '', hidden_differs: true },
      { name: 'c.yml', change: 'changed' as const, diff: null, hidden_differs: false },
    ]

    expect(sayDifference({ ...NONE, files }).split('\n')).toEqual([
      '-x',
      '+y',
      'b.yml: only values differ that are hidden',
      'c.yml: too long to be compared line by line',
      '',
    ])
  })

  it('has values, whatever they are', () => {
    const told = sayDifference({
      ...NONE,
      variables: [{ name: 'MODE', from: null, to: 'fast' }],
      options: [{ name: 'profiles', from: [], to: ['debug'] }],
      attachments: [{ path: './key', change: 'added' }],
    })

    expect(told).toBe('MODE: nothing → fast\nprofiles: [] → ["debug"]\n./key: added\n')
  })
})

describe('the revisions of a stack', () => {
  let open: VueWrapper | null = null
  afterEach(() => {
    open?.unmount()
    change.value = null
    vi.unstubAllGlobals()
  })

  it('are asked for with the stack, and again when it changes', async () => {
    const server = serve(() => [200, { items: [REVISION], total: 1, version: '', sources: [] }])
    caller.value = { name: 'local', kind: 'local', version: '1', actions: ['stack:update'] } as never
    const { wrapper } = await show(StackRevisions, { props: { stack: 'shop', version: '1' } })
    open = wrapper
    await wrapper.setProps({ stack: 'shop', version: '2' })
    await flushPromises()

    expect(server.sent.map((each) => each.url)).toEqual(Array(2).fill('/api/v1/stacks/shop/revisions?limit=1000'))
  })
})
