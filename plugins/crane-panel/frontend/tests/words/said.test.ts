/** What the server says, in the reader's language: the sentences, the component that shows them, and who uses it. */
import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Problem } from '../../src/api/problem'
import type { Operation, Plan } from '../../src/api/types'
import { whyPlainly } from '../../src/pages/services/why'
import OperationView from '../../src/parts/OperationView.vue'
import PlanView from '../../src/parts/PlanView.vue'
import ProblemBox from '../../src/parts/ProblemBox.vue'
import Said from '../../src/parts/Said.vue'
import { setLanguage } from '../../src/words'
import { loadSentences, sayPlainly, sentenceOf, serverLanguage, standingOf, subjectOf } from '../../src/words/said'
import { service } from '../some'

const OWN = 'web: The image web:9 cannot be had: No such image: web:9, on node node1.'
const ADVICE = 'Check its name and tag; if its registry wants a login, send it along.'

beforeEach(async () => {
  setLanguage('zh-CN')
  await loadSentences()
})
afterEach(() => setLanguage('en'))

describe('a sentence', () => {
  it('is had by the code, and by what that is about', () => {
    expect(sentenceOf('cause', 'image-missing')).toEqual({ text: '无法获取镜像。', advice: expect.stringMatching(/。$/) })
    expect(sentenceOf('ending', 'removed')!.text).toBe('已全部移除。')
    expect(sentenceOf('cause', 'removed')!.text).toBe('在此期间，服务已被他人移除。')
    expect(sentenceOf('note', 'port-taken')!.text).not.toBe(sentenceOf('cause', 'port-taken')!.text)
    expect(sentenceOf('progress', 'stabilising')).not.toBeNull()
  })

  it('is that of the problem where a step of an operation was refused, with advice', () => {
    const refused = sentenceOf('cause', 'engine-unavailable')!

    expect(refused.text).toBe(sentenceOf('problem', 'engine-unavailable')!.text)
    expect(refused.advice).toMatch(/重新部署/)
  })

  it('is not there in English, without a code, and for a code that nobody knows', () => {
    expect([undefined, null, '', 'frozen', 'toString', '__proto__'].map((code) => sentenceOf('cause', code))).toEqual(
      Array(6).fill(null),
    )
    setLanguage('en')

    expect(sentenceOf('cause', 'image-missing')).toBeNull()
  })

  it('stands before what the server said, where only text can be', () => {
    expect(sayPlainly('cause', 'image-missing', OWN)).toBe(`无法获取镜像。 ${OWN}`)
    expect(sayPlainly('cause', 'frozen', OWN)).toBe(OWN)
    expect(whyPlainly(service('web', { why: '0 of 1 tasks run.', why_code: 'tasks-missing' }))).toBe(
      '运行中的任务数与期望不符。 0 of 1 tasks run.',
    )
    expect(whyPlainly(service('web'))).toBeUndefined()
  })

  it('is chosen by how a verdict ended, and by how far a service is', () => {
    expect(subjectOf({ outcome: 'converged', code: 'removed' })).toBe('ending')
    expect(subjectOf({ outcome: 'failed', code: 'removed' })).toBe('cause')
    expect(standingOf({ state: 'stabilising', code: '' })).toEqual({ subject: 'progress', code: 'stabilising' })
    expect(standingOf({ state: 'failed', code: 'exits' })).toEqual({ subject: 'cause', code: 'exits' })
  })
})

describe('what the server says', () => {
  const props = { subject: 'cause' as const, code: 'image-missing', text: OWN, advice: ADVICE }
  const marked = (wrapper: ReturnType<typeof mount>): [string, string | undefined][] =>
    wrapper.findAll('.text, .advice > span, .own').map((each) => [each.text(), each.attributes('lang')])

  it('comes first in the language of the reader, and then as it was said', () => {
    const { text, advice } = sentenceOf('cause', 'image-missing')!

    expect(marked(mount(Said, { props }))).toEqual([
      [text, undefined],
      [advice, undefined],
      [`${OWN} ${ADVICE}`, 'en'],
    ])
  })

  it('is advice only where the server has some', () => {
    expect(mount(Said, { props: { ...props, advice: null } }).find('.advice').exists()).toBe(false)
  })

  it('is in its own words, and marked so, where there are no others', () => {
    expect(marked(mount(Said, { props: { ...props, code: 'frozen' } }))).toEqual([
      [OWN, 'en'],
      [ADVICE, 'en'],
    ])
    expect(marked(mount(Said, { props: { ...props, code: 'exits', subject: 'problem' } }))[0]).toEqual([OWN, 'en'])
  })

  it('is no English where the panel itself says it', () => {
    const spoken = { subject: 'problem' as const, code: 'page-failed', text: '插件 notes 的页面出错' }

    expect(marked(mount(Said, { props: spoken }))).toEqual([['插件 notes 的页面出错', undefined]])
  })

  it('keeps an advice of its own beside a sentence that has none', () => {
    expect(marked(mount(Said, { props: { ...props, code: 'task-failed' } }))).toEqual([
      ['有任务失败。', undefined],
      [ADVICE, 'en'],
      [OWN, 'en'],
    ])
  })

  it('is nothing but that in English', () => {
    setLanguage('en')
    const wrapper = mount(Said, { props })

    expect(serverLanguage.value).toBeUndefined()
    expect(wrapper.text()).toBe(`${OWN}What to do: ${ADVICE}`)
    expect(wrapper.findAll('[lang], .own')).toEqual([])
  })
})

describe('in Chinese', () => {
  const global = { stubs: { RouterLink: true } }

  it('a problem is told so, and each thing that is wrong', () => {
    const problem = new Problem({
      code: 'plan-refused',
      status: 422,
      title: 'Refused.',
      detail: 'The plan breaks 1 rule(s).',
      errors: [{ pointer: '/Name', detail: 'It is frozen.' }, { pointer: '/Mode', detail: 'One mode.', code: 'several-modes' }],
    })
    const wrapper = mount(ProblemBox, { props: { problem } })

    expect(wrapper.find('p .text').text()).toBe('计划违反规则，未做任何更改。')
    expect(wrapper.find('p .own').text()).toBe('The plan breaks 1 rule(s).')
    expect(wrapper.findAll('li .text').map((each) => each.text())).toEqual(['It is frozen.', '服务只能有一种模式。'])
  })

  it('an operation tells its verdict, its services and its warnings so', () => {
    const operation = {
      id: 'o1',
      kind: 'stack.deploy',
      target: 'shop',
      state: 'ended',
      verdict: { outcome: 'failed', cause: OWN, code: 'image-missing', advice: ADVICE, created: ['network shop_front'], services: [] },
      services: [
        { name: 'web', state: 'failed', code: 'image-missing', message: OWN, advice: ADVICE, failing: [], running: 0, desired: 1, updated: 0, total: 1 },
        { name: 'db', state: 'stabilising', code: '', message: 'All tasks run.', advice: null, failing: [], running: 1, desired: 1, updated: 1, total: 1 },
      ],
      steps: [{ kind: 'network', name: 'shop_front', action: 'create', state: 'done', error: null }],
      warnings: [{ pointer: '/services/web', detail: 'It is ignored.', code: 'ignored' }],
    } as unknown as Operation
    const wrapper = mount(OperationView, { props: { operation }, global })

    expect(wrapper.find('[data-test=verdict]').text()).toContain('无法获取镜像。')
    expect(wrapper.find('[data-test=verdict]').text()).toContain('网络 shop_front')
    expect(wrapper.findAll('[data-service] .said .text').map((each) => each.text())).toEqual([
      '无法获取镜像。',
      '任务均已运行，正在观察是否稳定。',
    ])
    expect(wrapper.find('.steps').text()).toContain('创建 – 已完成')
    expect(wrapper.find('.warnings .text').text()).toMatch(/忽略/)
  })

  it('a plan tells its warnings, its violations and its reasons so', () => {
    const plan = {
      changes: [{ kind: 'service', name: 'shop_old', action: 'keep', fields: [], reason: 'No longer named.', reason_code: 'no-longer-named' },
        { kind: 'service', name: 'shop_web', action: 'create', fields: [], reason: null, reason_code: null }],
      warnings: [{ pointer: '/a', detail: 'The digest is unknown.', code: 'digest-unknown' }],
      violations: [{ pointer: '/b', detail: 'It mounts /etc.', code: 'host-mounts' }],
      summary: { create: 1, update: 0, remove: 0, keep: 1, restarts: 0 },
    } as unknown as Plan
    const wrapper = mount(PlanView, { props: { plan }, global })

    expect(wrapper.find('.notes.bad .text').text()).toMatch(/不允许挂载/)
    expect(wrapper.find('.notes.warn .text').text()).toMatch(/摘要/)
    expect(wrapper.find('.notes.warn .own').attributes('lang')).toBe('en')
  })
})

describe('the panel', () => {
  const sources = import.meta.glob<string>('../../src/**/*.vue', { query: '?raw', import: 'default', eager: true })

  it('shows no sentence of the server past all that', () => {
    // What has a code is shown by Said; in a title or a text it is said plainly.
    const bare = /\{\{[^}]*\.(?:detail|cause|why|advice|reason)\b[^}]*\}\}/g
    const found = Object.entries(sources).flatMap(([path, text]) => (text.match(bare) ?? []).map((each) => `${path} ${each}`))

    expect(Object.keys(sources).length).toBeGreaterThan(40)
    expect(found).toEqual([])
    expect(Object.values(sources).filter((text) => text.includes('<Said')).length).toBeGreaterThanOrEqual(12)
  })
})
