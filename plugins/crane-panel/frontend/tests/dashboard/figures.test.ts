import { expect, it } from 'vitest'
import { capacity, nodeFigure, operationFigure, reserved, serviceFigure, taskFigure } from '../../src/pages/dashboard/figures'
import { latest } from '../../src/pages/dashboard/latest'
import { before, ended, node, operation, service } from '../some'

it('figures lead to what they count', () => {
  expect(nodeFigure([node('a'), node('b', { state: 'down' })])).toMatchObject({ value: 1, total: 2, to: '/nodes?state=not-ready', tone: 'bad' })
  expect(nodeFigure([node('a')])).toMatchObject({ to: '/nodes', tone: 'ok' })
  expect(serviceFigure([service('a')])).toMatchObject({ value: 1, total: 1, to: '/services', tone: 'ok' })
  expect(serviceFigure([service('a', { state: 'updating' })])).toMatchObject({ to: '/services?state=updating', tone: 'busy' })
  expect(serviceFigure([service('a', { state: 'updating' }), service('b', { state: 'degraded' })])).toMatchObject({
    value: 0,
    to: '/services?sort=state',
    tone: 'bad',
  })
  expect(taskFigure([service('a', { tasks_running: 1, tasks_desired: 3 })])).toMatchObject({ value: 1, total: 3, to: '/tasks?sort=state', tone: 'warn' })
  expect(operationFigure([operation('1'), ended('2')])).toMatchObject({ value: 1, total: null, to: '/operations?state=running', tone: 'busy' })
  expect([operationFigure([]), serviceFigure([]), taskFigure([])].map((each) => each.tone)).toEqual(['off', 'off', 'off'])
})

it('what is reserved is counted for tasks that run, of nodes that are ready', () => {
  const spec = { TaskTemplate: { Resources: { Reservations: { NanoCPUs: 5e8, MemoryBytes: 100 } } } }

  expect(reserved([service('a', { Spec: spec, tasks_running: 3 }), service('b')])).toEqual({ cpus: 1.5, bytes: 300 })
  expect(capacity([node('a'), node('b'), node('c', { state: 'down' })])).toEqual({ cpus: 8, bytes: 16 * 1024 ** 3 })
})

it('what changed last is told once: by the operation that did it, where there is one', () => {
  const did = ended('1', 'failed', { created_at: before(100), ended_at: before(50), services: [{ name: 'web' }] })
  const services = [
    service('web', { UpdatedAt: before(60) }),
    service('db', { UpdatedAt: before(70), CreatedAt: before(9000) }),
    service('new', { UpdatedAt: before(40), CreatedAt: before(40) }),
  ]
  const nodes = [node('a', { UpdatedAt: before(10), CreatedAt: before(9000) })]

  const told = latest([did, operation('2')], services, nodes, 10)

  expect(told.map((each) => [each.kind, each.at])).toEqual([
    ['node', before(10)],
    ['service', before(40)],
    ['operation', before(50)],
    ['service', before(70)],
  ])
  expect(told[1]).toMatchObject({ created: true })
  expect(told[3]).toMatchObject({ created: false })
  expect(latest([did], services, nodes, 2)).toHaveLength(2)
})
