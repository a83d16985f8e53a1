import { expect, it } from 'vitest'
import type { Fate } from '../../src/api/cluster'
import { worstFates } from '../../src/pages/nodes/fates'
import { changeOfLabels, readLabels, writeLabels } from '../../src/pages/nodes/labels'
import { capacityOf, faultOf, markOf, pathOf, percentOf, sayLabels, unreachedOf, worstFirst } from '../../src/pages/nodes/node'
import { node } from '../some'

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

it('a node that is ready is marked where its own Engine is not reached, and comes before those that are drained', () => {
  const nodes = [node('a', { availability: 'drain' }), node('b'), node('c', { state: 'down' }), node('d'), node('e')]
  const silent = { state: 'stale', age: 9, error: 'Nothing is there.' } as const
  const sources = ['engine', 'a', 'c', 'd'].map((name) => ({ name, ...silent }))
  const unreached = unreachedOf(nodes, [...sources, { name: 'b', state: 'fresh', age: 1 }, { name: 'e', state: 'never', age: null }])

  expect([...unreached]).toEqual([['id of d', 'Nothing is there.']])
  expect(nodes.map((each) => markOf(each, unreached))).toEqual(['drain', 'ready', 'down', 'unreachable', 'ready'])
  expect(worstFirst(nodes, unreached).map((each) => each.name)).toEqual(['c', 'd', 'a', 'b', 'e'])
})

it('of two nodes by one name neither is called unreached while one of them answers', () => {
  const twins = [node('twin', { ID: 'id1' }), node('twin', { ID: 'id2' })]
  const [silent, fresh] = [{ name: 'twin', state: 'never', age: null, error: 'No.' }, { name: 'twin', state: 'fresh', age: 0 }] as const

  expect(unreachedOf(twins, [silent, fresh]).size).toBe(0)
  expect([...unreachedOf(twins, [silent, silent]).keys()]).toEqual(['id1', 'id2'])
})

it('a node is found by its name, or by its id when another is called the same', () => {
  const [a, b, c] = [node('a b'), node('twin', { ID: 'id1' }), node('twin', { ID: 'id2' })]

  expect(pathOf(a, [a, b, c])).toBe('/nodes/a%20b')
  expect(pathOf(c, [a, b, c])).toBe('/nodes/id2')
})

it('what a node has is told by the server, and shares of it are rounded', () => {
  expect(capacityOf(node('a'))).toEqual({ cpus: 4, bytes: 8 * 1024 ** 3 })
  expect([percentOf(1, 3), percentOf(5, 4), percentOf(1, 0)]).toEqual([33, 125, 0])
})

it('what waits or ends when a node is drained comes first, then what there is something to know of', () => {
  const fate = (name: string, outcome: string, notes: unknown[] = []): Fate => ({ name, outcome, notes }) as Fate
  const fates = [fate('a.1', 'stops'), fate('b.10', 'moves'), fate('b.2', 'moves'), fate('z.1', 'moves', [{}]), fate('y.1', 'pending'), fate('x.1', 'ends')]

  expect(worstFates(fates).map((each) => each.name)).toEqual(['y.1', 'x.1', 'z.1', 'b.2', 'b.10', 'a.1'])
})

it('labels are typed one a line, and only what differs is sent', () => {
  const before = { ssd: 'true', rack: '7', plain: '' }

  expect(writeLabels(before)).toBe('plain\nrack=7\nssd=true')
  const after = readLabels(' ssd = true\n\nrack=8\nurl=a=b\nssd=true')
  expect(after).toEqual({ ssd: 'true', rack: '8', url: 'a=b' })
  expect(changeOfLabels(before, after)).toEqual({ plain: null, rack: '8', url: 'a=b' })
  expect(changeOfLabels(undefined, {})).toEqual({})
})

it('labels are written as docker shows them', () => {
  expect(sayLabels({ zone: 'eu', ssd: '' })).toBe('zone=eu, ssd')
  expect(sayLabels(undefined)).toBe('')
})
