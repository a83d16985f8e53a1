/** Pages as the server describes them, in other languages. */
import { expect, it } from 'vitest'
import { inLanguage } from '../../src/pages/plugin-pages/page'
import { action, tablePage } from './fakes'

it('says every text that it has words for, and leaves the others', () => {
  const field = { name: 'until', title: 'Until', kind: 'text', required: true, choices: [], help: 'When it ends.' } as const
  const words = { Freezes: '冻结', Why: '原因', Thaw: '解冻', 'Thaw {name}?': '解冻 {name}？', Until: '直到', 'When it ends.': '结束时间。' }
  const page = tablePage({
    actions: [action('Thaw', { confirm: 'Thaw {name}?', fields: [{ ...field, choices: [] }] })],
    words: { 'zh-CN': words },
  })

  const shown = inLanguage(page, 'zh-CN')

  expect(shown.title).toBe('冻结')
  expect(shown.columns.map((column) => column.title)).toEqual(['Service', '原因'])
  expect(shown.actions[0]).toMatchObject({ label: '解冻', confirm: '解冻 {name}？', url: page.actions[0]!.url })
  expect(shown.actions[0]!.fields[0]).toMatchObject({ name: 'until', title: '直到', help: '结束时间。' })
  expect(inLanguage(page, 'en')).toBe(page)
})
