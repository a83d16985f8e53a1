import { describe, expect, it } from 'vitest'
import { sightOf } from '../../src/pages/nodes/map'
import { before, NOW, task } from '../some'

const ALL = { stack: '', service: '' }
const labels = (sight: ReturnType<typeof sightOf>): [string | null, string[]][] =>
  sight.groups.map((group) => [group.stack, group.cells.map((cell) => cell.label)])

describe('the map', () => {
  it('shows tasks by stack, without the name of the stack; those outside any come last', () => {
    const tasks = [
      task({ name: 'cron.1', service: 'cron', stack: null }),
      task({ name: 'shop_web.10', Slot: 10 }),
      task({ name: 'shop_web.2', Slot: 2 }),
      task({ name: 'blog_agent.node1', service: 'blog_agent', stack: 'blog', Slot: undefined }),
    ]

    expect(labels(sightOf(tasks, ALL, 60, NOW))).toEqual([
      ['blog', ['agent']],
      ['shop', ['web.2', 'web.10']],
      [null, ['cron.1']],
    ])
  })

  it('shows the present only, and of failed attempts at one place the newest with their number', () => {
    const newest = task({ state: 'failed', at: before(1) })
    const tasks = [
      newest,
      task({ state: 'failed', at: before(9) }),
      task({ state: 'failed', at: before(5) }),
      task({ state: 'ready' }),
      task({ state: 'shutdown' }),
    ]

    const cells = sightOf(tasks, ALL, 60, NOW).groups.flatMap((group) => group.cells)

    expect(cells.map((cell) => [cell.task.state, cell.count])).toEqual([['failed', 3], ['ready', 1]])
    expect(cells[0]!.task.ID).toBe(newest.ID)
  })

  it('is filtered by stack and service', () => {
    const tasks = [task(), task({ name: 'shop_db.1', service: 'shop_db' }), task({ name: 'blog_web.1', service: 'blog_web', stack: 'blog' })]

    expect(labels(sightOf(tasks, { stack: 'shop', service: '' }, 60, NOW))).toEqual([['shop', ['db.1', 'web.1']]])
    expect(labels(sightOf(tasks, { stack: '', service: 'blog_web' }, 60, NOW))).toEqual([['blog', ['web.1']]])
    expect(sightOf(tasks, { stack: 'none', service: '' }, 60, NOW).groups).toEqual([])
  })

  it('shows so many at the most, what is not well before what runs', () => {
    const many = Array.from({ length: 100 }, (_, slot) => task({ name: `shop_web.${slot}`, Slot: slot + 1 }))
    const sight = sightOf([...many, task({ state: 'rejected', name: 'shop_web.101', Slot: 101 })], ALL, 60, NOW)
    const cells = sight.groups.flatMap((group) => group.cells)

    expect([cells.length, sight.more]).toEqual([60, 41])
    expect(cells.filter((cell) => cell.task.state === 'rejected')).toHaveLength(1)
  })
})
