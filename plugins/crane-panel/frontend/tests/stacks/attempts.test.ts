import { expect, test } from 'vitest'
import type { Task } from '../../src/api/types'
import { attempts } from '../../src/pages/stacks/attempts'

function task(id: string, created: string, place: Partial<Task>): Task {
  return { ID: id, CreatedAt: created, ServiceID: 's', ...place } as Task
}

test('the newest attempt of a slot, or of a node, is the present one', () => {
  const found = attempts([
    task('old', '2026-01-01T00:00:00Z', { Slot: 1 }),
    task('new', '2026-01-02T00:00:00Z', { Slot: 1 }),
    task('other', '2026-01-01T00:00:00Z', { Slot: 2 }),
    task('global', '2026-01-01T00:00:00Z', { ServiceID: 'g', NodeID: 'n1' }),
    task('global-old', '2025-01-01T00:00:00Z', { ServiceID: 'g', NodeID: 'n1' }),
  ])
  expect(found.filter((each) => !each.earlier).map((each) => each.ID)).toEqual(['new', 'other', 'global'])
  expect(found.filter((each) => each.earlier).map((each) => each.ID)).toEqual(['old', 'global-old'])
})
