import { describe, expect, it } from 'vitest'
import { asQuery, attachmentsOf, chosen, isPresent, presentSince, resourcesOf, sinceOf, type Wish } from '../../src/pages/tasks/task'
import { before, NOW, task } from '../some'

const wish = (more: Partial<Wish> = {}): Wish => ({ state: '', desired: '', node: '', service: '', stack: '', ...more })
const names = (tasks: { ID: string }[]): string[] => tasks.map((each) => each.ID)

describe('the present', () => {
  it('is what is alive, and what failed within the hour', () => {
    expect(isPresent(task(), NOW)).toBe(true)
    expect(isPresent(task({ state: 'pending' }), NOW)).toBe(true)
    expect(isPresent(task({ state: 'failed', at: before(3000) }), NOW)).toBe(true)
    expect(isPresent(task({ state: 'rejected', at: before(4000) }), NOW)).toBe(false)
    expect(isPresent(task({ state: 'shutdown' }), NOW)).toBe(false)
    expect(isPresent(task({ state: 'complete' }), NOW)).toBe(false)
  })

  it('is shown until somebody asks for a state', () => {
    const [running, old, failed] = [task(), task({ state: 'shutdown' }), task({ state: 'failed', at: before(9000) })]
    const all = [running, old, failed]

    expect(names(chosen(all, wish(), NOW))).toEqual([running.ID])
    expect(names(chosen(all, wish({ desired: 'any' }), NOW)).sort()).toEqual(names(all).sort())
    expect(names(chosen(all, wish({ state: 'failed,rejected' }), NOW))).toEqual([failed.ID])
    expect(names(chosen(all, wish({ desired: 'shutdown' }), NOW)).sort()).toEqual(names([old, failed]).sort())
  })
})

describe('what is asked for', () => {
  it('is a node, a service, a stack; the newest come first', () => {
    const a = task({ node: 'node2', service: 'db', stack: null, at: before(10) })
    const b = task({ node: 'node2', at: before(5) })
    const c = task()

    expect(names(chosen([a, b, c], wish({ node: 'node2' }), NOW))).toEqual([b.ID, a.ID])
    expect(names(chosen([a, b, c], wish({ service: 'db' }), NOW))).toEqual([a.ID])
    expect(names(chosen([a, b, c], wish({ stack: 'shop' }), NOW))).toEqual([c.ID, b.ID])
  })

  it('is asked of the API in its own words', () => {
    const since = presentSince(Date.parse('2026-05-05T10:30:59Z'))
    expect(asQuery(wish(), since)).toEqual({ present_since: '2026-05-05T09:30:00.000Z' })
    expect(asQuery(wish({ desired: 'any', node: 'node1' }), since)).toEqual({ node: 'node1' })
    expect(asQuery(wish({ state: 'failed', desired: 'shutdown' }), since)).toEqual({ state: 'failed', desired_state: 'shutdown' })
  })
})

it('a task tells since when, what it takes, and where it is reached', () => {
  const spec = { Resources: { Reservations: { MemoryBytes: 64 }, Limits: { NanoCPUs: 5e8 } } }
  const shown = task({ Spec: spec, NetworksAttachments: [{ Network: { Spec: { Name: 'shop_default' } }, Addresses: ['10.0.1.5/24'] }] })

  expect(sinceOf(task({ Status: undefined, UpdatedAt: 'then' }))).toBe('then')
  expect(resourcesOf(shown, 'Reservations')).toEqual({ MemoryBytes: 64 })
  expect(resourcesOf(task(), 'Limits')).toEqual({})
  expect(attachmentsOf(shown)).toEqual([{ network: 'shop_default', addresses: ['10.0.1.5/24'] }])
  expect(attachmentsOf(task())).toEqual([])
})
