/** The page that could not begin begins anew by itself once the server can be reached. */
import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Problem } from '../../src/api/problem'
import StartFailed from '../../src/frame/StartFailed.vue'

const problem = (code: string) => new Problem({ code, status: 0, title: 'It failed.', detail: 'It failed.' })

beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('tries until there is an answer', async () => {
  const fetched = vi.fn().mockRejectedValueOnce(new TypeError('Failed to fetch')).mockResolvedValue(new Response('', { status: 401 }))
  vi.stubGlobal('fetch', fetched)
  const again = vi.fn()
  const page = mount(StartFailed, { props: { problem: problem('unreachable'), again } })

  await vi.advanceTimersByTimeAsync(2000)
  expect([fetched.mock.calls.length, again.mock.calls.length]).toEqual([1, 0])
  await vi.advanceTimersByTimeAsync(2000)
  expect([fetched.mock.calls.length, again.mock.calls.length]).toEqual([2, 1])

  page.unmount()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(fetched).toHaveBeenCalledTimes(2)
})

it('waits for its user where the server answered', async () => {
  const fetched = vi.fn()
  vi.stubGlobal('fetch', fetched)
  mount(StartFailed, { props: { problem: problem('panel-failed'), again: vi.fn() } })

  await vi.advanceTimersByTimeAsync(10_000)

  expect(fetched).not.toHaveBeenCalled()
})
