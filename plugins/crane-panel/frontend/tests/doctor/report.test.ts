/** What the doctor found: the worst first, counted, and as a text. */
import { afterEach, expect, it } from 'vitest'
import type { Check, Diagnosis } from '../../src/api/monitoring'
import { countsOf, textOf, worstFirst } from '../../src/pages/doctor/report'
import { sayWhere, titleOf } from '../../src/pages/doctor/titles'
import { setLanguage } from '../../src/words'

afterEach(() => setLanguage('en'))

const check = (name: string, state: Check['state'], findings: Check['findings'] = []): Check => ({ name, title: `The ${name}`, state, findings })
const skew = { code: 'clock-skew', severity: 'warning' as const, what: 'The clock of node2 is 3.0 s behind the others.', where: 'node2', advice: 'Let a time service keep the clock.' }
const diagnosis: Diagnosis = {
  state: 'warning',
  checked_at: '2026-03-01T12:00:00Z',
  checks: [check('disks', 'ok'), check('clocks', 'warning', [skew]), check('agent', 'unknown', [{ code: 'x', severity: 'unknown', what: 'Not known.', where: '', advice: '' }]), check('nodes', 'error')],
}

it('the worst stands first', () => {
  expect(worstFirst(diagnosis.checks).map((each) => each.name)).toEqual(['nodes', 'clocks', 'agent', 'disks'])
})

it('findings are counted, and the checks that found nothing', () => {
  expect(countsOf(diagnosis.checks)).toEqual([
    { state: 'warning', count: 1 },
    { state: 'unknown', count: 1 },
    { state: 'ok', count: 1 },
  ])
})

it('all of it can be sent to somebody as a text', () => {
  const text = textOf(diagnosis)

  expect(text).toContain('[Warning] Clocks of the nodes\n  - (Warning, clock-skew) node2: The clock of node2 is 3.0 s behind the others.\n    Let a time service keep the clock.')
  expect(text).toContain('[Well] Disk space')
})

it('checks of plugins are called as the plugins call them', () => {
  expect(titleOf(check('backups', 'ok'))).toBe('The backups')
  setLanguage('zh-CN')
  expect([titleOf(check('clocks', 'ok')), sayWhere('this server'), sayWhere('node2')]).toEqual(['节点时钟', '本服务器', 'node2'])
})
