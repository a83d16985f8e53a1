import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { h, ref, type Ref } from 'vue'
import { useQueryValue } from '../../src/parts/query'
import { show } from './support'

type Values = Record<'sort' | 'tab', Ref<string>>

async function use(address: string, initial = ref('name')): Promise<{ values: Values; query: () => object; push: () => number }> {
  let values: Values | undefined
  const { router } = await show(
    {
      setup() {
        values = { sort: useQueryValue('sort', initial), tab: useQueryValue('tab', '', { push: true }) }
        return () => h('i', values?.sort.value)
      },
    },
    {},
    address,
  )
  const pushed = vi.spyOn(router, 'push')
  return { values: values!, query: () => router.currentRoute.value.query, push: () => pushed.mock.calls.length }
}

describe('a value in the address', () => {
  it('is what stands there, else what it is at first', async () => {
    expect((await use('/services?sort=-name')).values.sort.value).toBe('-name')
    expect((await use('/services')).values.sort.value).toBe('name')
    expect((await use('/services?sort=a&sort=b')).values.sort.value).toBe('name')
  })

  it('is written there, beside what stands there already', async () => {
    const { values, query, push } = await use('/services?q=web')

    values.sort.value = '-tasks'
    await flushPromises()

    expect(query()).toEqual({ q: 'web', sort: '-tasks' })
    expect(push()).toBe(0)
  })

  it('leaves the address when it is what it is at first', async () => {
    const { values, query } = await use('/services?sort=-name&q=web')

    values.sort.value = 'name'
    await flushPromises()

    expect(query()).toEqual({ q: 'web' })
  })

  it('is a step for the back button only where that was asked for', async () => {
    const { values, push } = await use('/services')

    values.tab.value = 'tasks'
    await flushPromises()

    expect(push()).toBe(1)
  })

  it('changes with others in one step', async () => {
    const { values, query, push } = await use('/services')

    values.sort.value = '-name'
    values.tab.value = 'tasks'
    await flushPromises()

    expect(query()).toEqual({ sort: '-name', tab: 'tasks' })
    expect(push()).toBe(1)
  })

  it('follows what it is at first', async () => {
    const initial = ref('name')
    const { values } = await use('/services', initial)

    initial.value = '-updated'

    expect(values.sort.value).toBe('-updated')
  })
})
