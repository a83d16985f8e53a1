import { expect, it } from 'vitest'
import { groupOf, isHidden, saySource, sayValue } from '../../src/pages/settings/setting'

it('values are said in words, empty ones too', () => {
  expect([30, 'text', true, false].map(sayValue)).toEqual(['30', 'text', 'yes', 'no'])
  expect(['', null, undefined, []].map(sayValue)).toEqual(['nothing', 'nothing', 'nothing', 'nothing'])
  expect(sayValue(['a', 'b'])).toBe('a, b')
  expect(sayValue({ a: 1 })).toBe('{"a":1}')
})

it('a secret is said to be hidden', () => {
  expect([isHidden('(hidden)'), isHidden('x'), sayValue('(hidden)')]).toEqual([true, false, 'hidden'])
})

it('where a value comes from is said; a place that is not known by its own name', () => {
  expect([saySource('variable'), saySource('command line'), saySource('vault')]).toEqual(['variable', 'command line', 'vault'])
  expect(groupOf('engine.url')).toBe('engine')
})
