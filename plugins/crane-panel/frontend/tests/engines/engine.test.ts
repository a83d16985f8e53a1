import { expect, it } from 'vitest'
import { fareOf, isMoving, type Agent, type NodeEngine } from '../../src/pages/engines/engine'

const engine = (more: Partial<NodeEngine>): NodeEngine => ({
  node: 'node1',
  node_id: 'n1',
  via: 'agent',
  address: 'tcp://10.0.0.1:5014',
  state: 'fresh',
  answered_at: null,
  error: '',
  agent: 'running',
  ...more,
})

it('an Engine that nothing leads to is told from one that is silent', () => {
  expect(fareOf(engine({}))).toBe('answers')
  expect(fareOf(engine({ state: 'stale', error: 'It is gone.' }))).toBe('silent')
  expect(fareOf(engine({ state: 'never', via: null }))).toBe('no-way')
})

it('an agent that is being replaced is left to it', () => {
  expect((['rolling', 'rotating', 'settled', 'stalled'] as const).map((state) => isMoving({ state } as Agent))).toEqual([true, true, false, false])
})
