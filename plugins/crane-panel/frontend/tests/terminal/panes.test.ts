import { describe, expect, it } from 'vitest'
import { arrange, keptName } from '../../src/pages/terminal/panes'
import { MOST, type Target } from '../../src/pages/terminal/target'

const web: Target = { kind: 'service', name: 'web' }
const db: Target = { kind: 'service', name: 'db' }
const nothing = (): boolean => false

describe('terminals side by side', () => {
  it('are told from each other', () => {
    expect(arrange([], [web, db, web], nothing)).toEqual([{ target: web, number: 0 }, { target: db, number: 0 }, { target: web, number: 1 }])
    expect(arrange([], Array<Target>(MOST + 2).fill(web), nothing)).toHaveLength(MOST)
  })

  it('stay what they are when another one is closed', () => {
    const [, other, last] = arrange([], [web, db, web], nothing)

    expect(arrange([other!, last!], [db, web], nothing)).toEqual([other, last])
    expect(arrange([other!, last!], [db, web, web], nothing)).toEqual([other, last, { target: web, number: 0 }])
  })

  it('come back to what was kept', () => {
    const kept = keptName({ target: web, number: 1 })

    expect(arrange([], [web, web], (name) => name === kept)).toEqual([{ target: web, number: 1 }, { target: web, number: 0 }])
  })
})
