import { describe, expect, it } from 'vitest'
import type { Place } from '../../src/api/types'
import type { NodeEngine } from '../../src/pages/engines/engine'
import { sinceWhen, troubles } from '../../src/pages/dashboard/trouble'
import { before, node, service, task } from '../some'

const place = (current: Place['current'], ...earlier: Place['earlier']): Place => ({ slot: 1, node: 'node1', current, earlier })

it('what is not as it should be comes worst first, and what somebody did on purpose last', () => {
  const services = [
    service('fine'),
    service('updating', { state: 'updating' }),
    service('rolled', { state: 'rolled-back' }),
    service('half', { state: 'degraded', tasks_running: 1, tasks_desired: 2 }),
    service('dead', { state: 'degraded', tasks_running: 0, tasks_desired: 2 }),
    service('paused', { state: 'paused' }),
  ]
  const nodes = [node('ok'), node('drained', { availability: 'drain' }), node('down', { state: 'down' })]

  const found = troubles(services, nodes, []).map((each) => (each.kind === 'node' ? each.node.name : each.kind === 'service' ? each.service.name : ''))

  expect(found).toEqual(['down', 'dead', 'half', 'paused', 'rolled', 'updating', 'drained'])
})

it('nodes that are ready, and whose own Engines are not reached, are one trouble together', () => {
  const nodes = [node('a'), node('b'), node('c'), node('down', { state: 'down' })]
  const engines = nodes.map(({ name, ID }) => ({ node: name, node_id: ID, state: 'never', error: name === 'a' ? '' : 'Nobody is there.' }))

  const found = troubles([service('fine')], nodes, engines as NodeEngine[])

  expect(found.map((each) => each.kind)).toEqual(['node', 'engines'])
  expect(found[1]).toMatchObject({ engines: [{ node: 'b' }, { node: 'c' }] })
})

describe('since when a service is not as it should be', () => {
  const degraded = service('web', { state: 'degraded' })

  it('is told by its update', () => {
    const status = { StartedAt: before(60), CompletedAt: before(20) }
    expect(sinceWhen(service('web', { state: 'updating', UpdateStatus: status }), null)?.at).toBe(before(60))
    expect(sinceWhen(service('web', { state: 'rolled-back', UpdateStatus: status }), null)?.at).toBe(before(20))
    expect(sinceWhen(service('web', { state: 'paused', UpdatedAt: before(7) }), null)?.at).toBe(before(7))
  })

  it('is told by the first failure since it last worked', () => {
    const places = [
      place(task({ state: 'starting', at: before(2) }), task({ state: 'failed', at: before(9) }), task({ state: 'failed', at: before(30) }), task({ state: 'shutdown', at: before(500) })),
      place(task({ at: before(5000) })),
      place(task({ state: 'pending', at: before(12) })),
    ]

    expect(sinceWhen(degraded, places)).toEqual({ at: before(30), orEarlier: false })
    expect(sinceWhen(degraded, [places[2]!])).toEqual({ at: before(12), orEarlier: false })
  })

  it('may be earlier than the attempts that the Swarm keeps', () => {
    const attempts = [3, 8, 13, 18, 23].map((seconds) => task({ state: 'failed', at: before(seconds) }))

    expect(sinceWhen(degraded, [place(attempts[0]!, ...attempts.slice(1))])).toEqual({ at: before(23), orEarlier: true })
  })

  it('is not known while its tasks are not, or when all of them run', () => {
    expect(sinceWhen(degraded, null)).toBe(null)
    expect(sinceWhen(degraded, [place(task())])).toBe(null)
  })
})
