import { mount } from '@vue/test-utils'
import { expect, test } from 'vitest'
import { reactive } from 'vue'
import { listOf } from '../../src/pages/services/form/fields'
import { toForm, type Row } from '../../src/pages/services/form/form'
import RowsInput from '../../src/pages/services/form/RowsInput.vue'

function environment(...variables: string[]) {
  const rows = toForm({ TaskTemplate: { ContainerSpec: { Env: variables } } }).lists['env']!
  const edited = reactive<Row[]>(structuredClone(rows))
  const props = { list: listOf('env'), original: rows, changed: false, errors: {}, modelValue: edited }
  return { edited, page: mount(RowsInput, { props, attachTo: document.body }) }
}

test('a hidden value is kept until something is typed, and when that is taken back', async () => {
  const { edited, page } = environment('DB_PASSWORD=(hidden)')
  const value = page.findAll('input')[1]!
  expect(value.element.value).toBe('')
  expect(edited[0]!.cells['value']).toBe('(hidden)')

  await value.setValue('new')
  expect(edited[0]!.cells['value']).toBe('new')
  expect(value.attributes('type')).toBe('password')
  await value.setValue('')
  expect(edited[0]!.cells['value']).toBe('(hidden)')
})

test('a value is masked as soon as its name looks secret, and shown when asked for', async () => {
  const { page } = environment('GREETING=hello')
  const [name, value] = page.findAll('input')
  expect(value!.attributes('type')).toBe('text')
  await name!.setValue('API_KEY')
  expect(value!.attributes('type')).toBe('password')
  await page.find('button[aria-pressed]').trigger('click')
  expect(value!.attributes('type')).toBe('text')
})

test('a row is added with the focus in it, and one that is removed gives the focus to the next', async () => {
  const { edited, page } = environment('A=1', 'B=2')
  await page.find('.add').trigger('click')
  await page.vm.$nextTick()
  expect(edited.length).toBe(3)
  expect(document.activeElement?.getAttribute('aria-label')).toContain('3')
  await page.findAll('.remove')[0]!.trigger('click')
  await page.vm.$nextTick()
  expect(edited.map((row) => row.cells['name'])).toEqual(['B', ''])
  expect(document.activeElement).toBe(page.findAll('.remove')[0]!.element)
})
