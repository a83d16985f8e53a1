import { expect, it } from 'vitest'
import { capacityOf, faultOf, markOf, pathOf, percent, sayLabels, takenBy, unlimited, worstFirst } from '../../src/pages/nodes/node'
import { node, task } from '../some'

it('what is wrong with a node is told by the worst of it', () => {
  expect(faultOf(node('a'))).toBe(null)
  expect(faultOf(node('a', { availability: 'drain' }))).toBe('drained')
  expect(faultOf(node('a', { availability: 'pause' }))).toBe('paused')
  expect(faultOf(node('a', { availability: 'drain', ManagerStatus: { Reachability: 'unreachable' } }))).toBe('unreachable')
  expect(faultOf(node('a', { availability: 'drain', state: 'down' }))).toBe('down')
  expect(markOf(node('a', { availability: 'drain' }))).toBe('drain')
  expect(markOf(node('a', { availability: 'drain', state: 'down' }))).toBe('down')
})

it('nodes that are not well come first, the others as people sort them', () => {
  const nodes = [node('node10'), node('node2'), node('z', { availability: 'drain' }), node('y', { state: 'down' })]

  expect(worstFirst(nodes).map((each) => each.name)).toEqual(['y', 'z', 'node2', 'node10'])
})

it('a node is found by its name, or by its id when another is called the same', () => {
  const [a, b, c] = [node('a b'), node('twin', { ID: 'id1' }), node('twin', { ID: 'id2' })]

  expect(pathOf(a, [a, b, c])).toBe('/nodes/a%20b')
  expect(pathOf(c, [a, b, c])).toBe('/nodes/id2')
})

it('what tasks that are alive take is added up', () => {
  const resources = { Resources: { Reservations: { NanoCPUs: 5e8, MemoryBytes: 100 }, Limits: { MemoryBytes: 300 } } }
  const tasks = [task({ Spec: resources }), task({ Spec: resources, state: 'starting' }), task({ Spec: resources, state: 'failed' }), task()]

  expect(takenBy(tasks, 'Reservations')).toEqual({ cpus: 1, bytes: 200 })
  expect(takenBy(tasks, 'Limits')).toEqual({ cpus: 0, bytes: 600 })
  expect(unlimited(tasks)).toBe(1)
  expect(capacityOf(node('a'))).toEqual({ cpus: 4, bytes: 8 * 1024 ** 3 })
  expect(capacityOf(node('a', { Description: undefined }))).toEqual({ cpus: 0, bytes: 0 })
  expect([percent(1, 3), percent(5, 4), percent(1, 0)]).toEqual([33, 125, 0])
})

it('labels are written as docker shows them', () => {
  expect(sayLabels({ zone: 'eu', ssd: '' })).toBe('zone=eu, ssd')
  expect(sayLabels(undefined)).toBe('')
})
