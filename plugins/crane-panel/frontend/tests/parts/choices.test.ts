import { expect, test } from 'vitest'
import { choicesOf } from '../../src/parts/choices'

test('each name is offered once, in the order that people expect, and nothing without a name', () => {
  const offered = choicesOf(['node10', 'node2', null, 'Node1', '', 'node2', undefined])

  expect(offered.map((choice) => choice.value)).toEqual(['Node1', 'node2', 'node10'])
  expect(offered[0]).toEqual({ value: 'Node1', text: 'Node1' })
})
