import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Problem, toProblem } from '../../src/api/problem'
import EmptyState from '../../src/parts/EmptyState.vue'
import ProblemBox from '../../src/parts/ProblemBox.vue'
import { setLanguage } from '../../src/words'

afterEach(() => setLanguage('en'))

describe('an empty place', () => {
  it.each(['none', 'filtered', 'not-allowed', 'failed'] as const)('says that it is %s, and what to do', (kind) => {
    const wrapper = mount(EmptyState, {
      props: { kind, title: 'Nothing', detail: 'Because.' },
      slots: { default: '<button>Next</button>' },
    })

    expect(wrapper.attributes()).toMatchObject({ role: 'status', 'data-kind': kind })
    expect(wrapper.find('svg').attributes('aria-hidden')).toBe('true')
    expect(wrapper.text()).toBe('NothingBecause.Next')
  })
})

describe('a problem', () => {
  const problem = new Problem({
    code: 'invalid',
    status: 422,
    title: 'Invalid.',
    detail: 'The file is not valid.',
    errors: [
      { pointer: '/name', detail: 'It is taken.' },
      { pointer: '/services', detail: 'No image.', file: 'stack.yml', line: 3 },
    ],
  })

  it('is told in words, each thing wrong by its place', () => {
    const wrapper = mount(ProblemBox, { props: { problem, title: 'Not deployed' } })

    expect(wrapper.attributes()).toMatchObject({ role: 'alert', 'data-code': 'invalid' })
    expect(wrapper.find('.title').text()).toBe('Not deployed')
    expect(wrapper.findAll('li').map((item) => item.text().replace(/\s+/g, ' '))).toEqual([
      '/name It is taken.',
      'stack.yml line 3 No image.',
    ])
  })

  it('has its raw text folded, to be copied', async () => {
    const copied = vi.fn(() => Promise.resolve())
    vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: copied } })
    const wrapper = mount(ProblemBox, { props: { problem } })

    expect(wrapper.find('details').attributes('open')).toBeUndefined()
    expect(JSON.parse(wrapper.find('pre').text())).toEqual(problem.details)
    await wrapper.findAll('button').at(-1)!.trigger('click')

    expect(copied).toHaveBeenCalledWith(JSON.stringify(problem.details, null, 2))
    vi.unstubAllGlobals()
  })

  it('offers to try again where that can help', async () => {
    const retry = vi.fn()
    const wrapper = mount(ProblemBox, { props: { problem, retry } })

    await wrapper.find('button.retry').trigger('click')

    expect(retry).toHaveBeenCalledOnce()
    expect(mount(ProblemBox, { props: { problem } }).find('button.retry').exists()).toBe(false)
  })

  it('speaks Chinese', () => {
    setLanguage('zh-CN')

    expect(mount(ProblemBox, { props: { problem } }).find('summary').text()).toBe('原始文本')
  })
})

describe('whatever was thrown', () => {
  it('is a problem', () => {
    const problem = new Problem({ code: 'a', status: 1, title: 'b', detail: 'c' })

    expect(toProblem(problem)).toBe(problem)
    expect(toProblem({ code: 'a', detail: 'c' })).toMatchObject({ code: 'a', message: 'c' })
    expect(toProblem('<html>', 502)).toMatchObject({ code: 'unexplained', status: 502 })
    expect(toProblem(new TypeError('Failed to fetch'))).toMatchObject({ code: 'unreachable' })
    expect(toProblem(new TypeError('x is undefined'))).toMatchObject({ code: 'panel-failed', message: 'x is undefined' })
    expect(toProblem('gone')).toMatchObject({ code: 'panel-failed', message: 'gone' })
  })
})
