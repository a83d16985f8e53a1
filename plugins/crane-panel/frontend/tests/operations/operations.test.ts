import { describe, expect, it } from 'vitest'
import { obstacleOf } from '../../src/pages/plans/obstacle'
import { kindTitle, lasted, progress, runningFirst, secondsOf, standing, targetPath } from '../../src/parts/operations'
import { before, ended, NOW, operation, plan } from '../some'

const service = (more: object): object => ({ name: 'web', desired: 0, running: 0, updated: 0, total: 0, state: 'progressing', ...more })

describe('an operation', () => {
  it('is as far as its services are', () => {
    expect(progress(operation('1'))).toBe(null)
    expect(progress(operation('1', { services: [service({ desired: 4, running: 1 })] }))).toBe(25)
    expect(progress(operation('1', { services: [service({ desired: 4, running: 4, total: 4, updated: 1 }), service({ desired: 4, running: 9 })] }))).toBe(63)
    expect(progress(ended('1'))).toBe(100)
  })

  it('stands as its state, then as its outcome', () => {
    expect(standing(operation('1'))).toBe('following')
    expect(standing(ended('1', 'rolled-back'))).toBe('rolled-back')
    const removed = ended('1')
    removed.verdict!.code = 'removed'
    expect(standing(removed)).toBe('removed')
  })

  it('is named, and leads to what it changes', () => {
    expect(kindTitle('stack.deploy')).toBe('Deploy stack')
    expect(kindTitle('garden.water')).toBe('garden.water')
    expect(targetPath({ kind: 'stack.remove', target: 'shop' })).toBe('/stacks/shop')
    expect(targetPath({ kind: 'service.image', target: 'a b' })).toBe('/services/a%20b')
    expect(targetPath({ kind: 'garden.water', target: 'x' })).toBe(null)
  })

  it('took a time', () => {
    expect(secondsOf(ended('1', 'failed', { created_at: before(95) }), NOW + 9e9)).toBe(95)
    expect(secondsOf(operation('1', { created_at: before(3) }), NOW)).toBe(3)
    expect([lasted(0.34), lasted(9.96), lasted(12.4), lasted(95)]).toEqual(['0.3s', '10s', '12s', '1m35s'])
  })
})

it('operations that run come first, then the latest', () => {
  const all = [ended('old', 'failed', { created_at: before(50) }), ended('new', 'failed', { created_at: before(5) }), operation('runs', { created_at: before(99) })]

  expect(runningFirst(all).map((each) => each.id)).toEqual(['runs', 'new', 'old'])
})

it('a plan is kept from being applied by what is said of it', () => {
  expect(obstacleOf(plan('1'), true, NOW)).toBe(null)
  expect(obstacleOf(plan('1'), false, NOW)).toBe('notAllowed')
  expect(obstacleOf(plan('1', { applied_at: before(5) }), true, NOW)).toBe('applied')
  expect(obstacleOf(plan('1', { expires_at: before(1) }), true, NOW)).toBe('expired')
  expect(obstacleOf(plan('1', { violations: [{ pointer: '/', detail: 'No.' }] }), true, NOW)).toBe('refused')
  expect(obstacleOf(plan('1', { changes: [{ action: 'keep' }] }), true, NOW)).toBe('nothing')
})
