import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/api/problem'
import { bodyOf, findWrong, sortErrors, startValues } from '../../src/pages/plugin-pages/form'
import type { PageField } from '../../src/pages/plugin-pages/page'

const field = (name: string, kind: PageField['kind'] = 'text', more: Partial<PageField> = {}): PageField => ({
  name,
  title: name,
  kind,
  required: true,
  choices: [],
  help: '',
  ...more,
})
const FIELDS = [
  field('name'),
  field('size', 'number', { required: false }),
  field('on', 'switch'),
  field('how', 'choice', { choices: ['fast', 'slow'] }),
  field('lines', 'lines', { required: false }),
]
const EMPTY = { name: '', size: '', on: false, how: '', lines: '' }

describe('a form', () => {
  it('is empty at first', () => {
    expect(startValues(FIELDS)).toEqual(EMPTY)
  })

  it('begins with what the item has under the same names', () => {
    const item = { name: 'web', size: 3, on: true, how: 'slow', lines: ['a', 'b'], other: 1 }

    expect(startValues(FIELDS, item)).toEqual({ name: 'web', size: '3', on: true, how: 'slow', lines: 'a\nb' })
  })

  it('takes nothing that is of another kind', () => {
    expect(startValues(FIELDS, { name: 1, size: 'x', on: 'yes', how: 'else', lines: 'a' })).toEqual(EMPTY)
  })

  it('is complete when what must be filled in is, and numbers are numbers', () => {
    expect(findWrong(FIELDS, EMPTY)).toEqual({ name: 'required', how: 'required' })
    expect(findWrong(FIELDS, { ...EMPTY, name: '  ', how: 'fast', size: '1,5' })).toEqual({
      name: 'required',
      size: 'noNumber',
    })
    expect(findWrong(FIELDS, { ...EMPTY, name: 'web', how: 'fast', size: ' 1.5 ' })).toEqual({})
  })
})

describe('what is sent', () => {
  const filled = { name: 'web', size: '3', on: true, how: 'fast', lines: ' a \n\n b' }

  it('are the fields that the address does not name, as values of their kinds', () => {
    expect(bodyOf(FIELDS, '/x/{name}', filled, EMPTY)).toEqual({ size: 3, on: true, how: 'fast', lines: ['a', 'b'] })
  })

  it('is no body when the address names them all', () => {
    expect(bodyOf([field('name')], '/x/{name}', { name: 'web' }, { name: '' })).toBeUndefined()
    expect(bodyOf([], '/x', {}, {})).toBeUndefined()
  })

  it('leaves out what is empty, but says what was emptied', () => {
    expect(bodyOf(FIELDS, '/x', EMPTY, EMPTY)).toEqual({ on: false })
    expect(bodyOf(FIELDS, '/x', EMPTY, filled)).toEqual({ name: '', size: null, on: false, how: null, lines: [] })
  })
})

describe('errors', () => {
  const problem = (...errors: { pointer: string; detail: string }[]): Problem =>
    new Problem({ code: 'invalid', status: 422, title: '', detail: 'Not valid.', errors })

  it('stand at their fields', () => {
    const { at, rest } = sortErrors(
      FIELDS,
      problem(
        { pointer: '/name', detail: 'Taken.' },
        { pointer: '/lines/0', detail: 'Too long.' },
        { pointer: '/lines/1', detail: 'Too short.' },
      ),
    )

    expect(at).toEqual({ name: ['Taken.'], lines: ['Too long.', 'Too short.'] })
    expect(rest).toBeNull()
  })

  it('that are about no field stay together', () => {
    const { at, rest } = sortErrors(FIELDS, problem({ pointer: '/name', detail: 'a' }, { pointer: '/other', detail: 'b' }))

    expect(at).toEqual({ name: ['a'] })
    expect(rest?.details.errors).toEqual([{ pointer: '/other', detail: 'b' }])
  })

  it('without places are the problem itself', () => {
    const whole = problem({ pointer: '', detail: 'All of it.' })

    expect(sortErrors(FIELDS, whole)).toEqual({ at: {}, rest: whole })
    expect(sortErrors([field('a/b')], problem({ pointer: '/a~1b', detail: 'x' })).at).toEqual({ 'a/b': ['x'] })
  })
})
