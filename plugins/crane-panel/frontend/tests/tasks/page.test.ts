import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { Problem } from '../../src/api/problem'
import { calmly, usePage } from '../../src/pages/tasks/page'

let scope: EffectScope
beforeEach(() => {
  vi.useFakeTimers()
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

it('what comes often is done once in a while, and once more at the end', () => {
  const run = vi.fn()
  const calm = calmly(run, 1000)

  for (let time = 0; time < 2500; time += 100) {
    calm.soon()
    vi.advanceTimersByTime(100)
  }
  expect(run).toHaveBeenCalledTimes(3)
  vi.advanceTimersByTime(1000)
  expect(run).toHaveBeenCalledTimes(4)
  vi.advanceTimersByTime(5000)
  expect(run).toHaveBeenCalledTimes(4)
})

describe('a page of a list', () => {
  const hint = ref(0)
  const wish = ref<{ offset: number } | null>({ offset: 0 })
  const load = vi.fn<(wish: { offset: number }) => Promise<{ items: string[]; total: number }>>()

  beforeEach(() => {
    wish.value = { offset: 0 }
    load.mockReset()
    load.mockImplementation(({ offset }) => Promise.resolve({ items: [`at ${offset}`], total: 7 }))
  })

  it('is read at once, and again when something may have changed', async () => {
    const page = scope.run(() => usePage(() => wish.value, load, [hint]))!
    expect(page.known.value).toBe(false)
    await flushPromises()
    expect([page.known.value, page.items.value, page.total.value]).toEqual([true, ['at 0'], 7])

    hint.value += 1
    await nextTick()
    hint.value += 1
    await nextTick()
    expect(load).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1000)
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('is not what was asked for before', async () => {
    const answers: ((answer: { items: string[]; total: number }) => void)[] = []
    load.mockImplementation(() => new Promise((resolve) => answers.push(resolve)))
    const page = scope.run(() => usePage(() => wish.value, load, []))!
    wish.value = { offset: 100 }
    await nextTick()

    answers[1]!({ items: ['new'], total: 2 })
    answers[0]!({ items: ['old'], total: 1 })
    await flushPromises()

    expect(page.items.value).toEqual(['new'])
  })

  it('keeps what is known beside an error, until it is read again', async () => {
    const page = scope.run(() => usePage(() => wish.value, load, [hint]))!
    await flushPromises()
    load.mockRejectedValueOnce(new Problem({ code: 'engine-unavailable', status: 503, title: 'No.', detail: 'No.' }))
    hint.value += 1
    await nextTick()
    vi.advanceTimersByTime(1000)
    await flushPromises()
    expect([page.problem.value?.code, page.items.value]).toEqual(['engine-unavailable', ['at 0']])

    wish.value = { offset: 5 }
    await flushPromises()
    expect([page.problem.value, page.items.value]).toEqual([null, ['at 5']])
  })

  it('is not read while nothing is asked for', async () => {
    wish.value = null
    scope.run(() => usePage(() => wish.value, load, []))
    await flushPromises()
    expect(load).not.toHaveBeenCalled()
  })
})
