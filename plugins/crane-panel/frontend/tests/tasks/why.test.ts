import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import TaskWhy from '../../src/pages/tasks/TaskWhy.vue'
import { setLanguage } from '../../src/words'
import { show } from '../parts/support'
import { serve, type Server } from '../plugin-pages/fakes'

const TASK = {
  id: 't1',
  name: 'shop_web.1',
  state: 'failed',
  exit_code: 3,
  cause: 'It ends.',
  at: '2026-01-01T00:00:05Z',
  gone_at: null,
}
const WHY = {
  task: TASK,
  cause: { code: 'exits', text: 'The task ends with exit status 3.', advice: 'Look at its logs.' },
  states: [{ state: 'failed', at: '2026-01-01T00:00:05Z', message: 'started', error: 'task: non-zero exit (3)' }],
  node: { name: 'node2', state: 'ready', state_now: 'down' },
  memory_limit: 64 * 2 ** 20,
  out_of_memory: true,
  health: null,
  attempts: [{ ...TASK, id: 't0' }],
  output: { text: 'starting\n<b>cannot go on</b>\n', cut: true, error: null, at: '2026-01-01T00:00:06Z' },
}
let open: VueWrapper | null = null

async function openTask(answer: Server['answer'], props: { id: string; version?: number } = { id: 't1' }): Promise<[VueWrapper, Server]> {
  const server = serve(answer)
  const { wrapper } = await show(TaskWhy, { props })
  await flushPromises()
  open = wrapper
  return [wrapper, server]
}

afterEach(() => {
  open?.unmount()
  vi.unstubAllGlobals()
  setLanguage('en')
})

describe('why a task died', () => {
  it('is said in words, with what it printed as it was printed', async () => {
    const [wrapper, server] = await openTask(() => [200, WHY])

    expect(server.sent.map((each) => each.url)).toEqual(['/api/v1/task-history/t1/why'])
    expect(wrapper.find('.cause .text').text()).toContain('exit')
    expect(wrapper.find('.cause').text()).toContain('Look at its logs.')
    expect(wrapper.find('pre').element.textContent).toBe(WHY.output.text)
    expect(wrapper.find('pre b').exists()).toBe(false)
    expect(wrapper.text()).toContain('There was more before this.')
    expect(wrapper.text()).toContain('Out of memory')
    expect(wrapper.find('a[href$="/tasks/t0?tab=why"]').exists()).toBe(true)
  })

  it('is asked for again when the task changes, and shown for the task that is open', async () => {
    const [wrapper, server] = await openTask(() => [200, WHY])

    await wrapper.setProps({ id: 't1', version: 2 })
    await wrapper.setProps({ id: 't2', version: 2 })
    await flushPromises()

    expect(server.sent.map((each) => each.url.split('/').at(-2))).toEqual(['t1', 't1', 't2'])
  })

  it('says what is missing', async () => {
    const [wrapper, server] = await openTask(() => [200, { ...WHY, output: null }])
    expect(wrapper.text()).toContain('Nothing of it was kept')

    server.answer = () => [200, { ...WHY, output: { text: '', cut: false, error: 'node2 was down.', at: TASK.at } }]
    await wrapper.setProps({ id: 't1', version: 2 })
    await flushPromises()

    expect(wrapper.text()).toContain('node2 was down.')
    expect(wrapper.text()).not.toContain('It printed nothing.')
  })

  it('leads to the history when the task is not on record', async () => {
    const [wrapper] = await openTask(() => [404, { code: 'not-found', status: 404, title: 'There is none.', detail: 'There is none.' }])

    expect(wrapper.text()).toContain('There is no task t1 on record')
    expect(wrapper.find('a[href$="/task-history"]').exists()).toBe(true)
  })

  it('is said in Chinese too', async () => {
    setLanguage('zh-CN')
    const [wrapper] = await openTask(() => [200, WHY])

    expect(wrapper.text()).toContain('最后的输出')
  })
})
