/** What is typed and said on the pages about access. */
import { describe, expect, it } from 'vitest'
import { byKind } from '../../src/pages/access/actions'
import { deviceOf } from '../../src/pages/access/device'
import { listOf } from '../../src/pages/access/lists'
import { readMemory, readNumber, share, writeMemory } from '../../src/pages/access/quota'
import { sayScope, saySubject } from '../../src/pages/access/grant'
import { explain, sayGrants } from '../../src/pages/access/why'
import { setLanguage } from '../../src/words'
import { strengthOf } from '../../src/parts/strength'

describe('amounts of memory', () => {
  it.each([
    ['8 GiB', 8 * 2 ** 30],
    ['512m', 512 * 2 ** 20],
    ['1.5 G', 1.5 * 2 ** 30],
    ['1024', 1024],
    ['', null],
    ['much', undefined],
    ['-1 G', undefined],
  ])('are read from %j', (text, amount) => expect(readMemory(text)).toBe(amount))

  it.each([8 * 2 ** 30, 1.25 * 2 ** 30, 512 * 2 ** 20, 1000, 123_456_789, 0])('are read again as written: %d', (amount) =>
    expect(readMemory(writeMemory(amount))).toBe(amount),
  )
})

it('reads numbers, and no part of what is none', () => {
  expect(['3', ' 12 ', '', '1.5', 'x', '-1', '1e3'].map((text) => readNumber(text, true))).toEqual([3, 12, null, undefined, undefined, undefined, undefined])
  expect(readNumber('1.5', false)).toBe(1.5)
})

it('says what share of an allowance is used, also of none', () => {
  expect([share(5, 10), share(15, 10), share(0, 0), share(1, 0)]).toEqual([50, 150, 100, 101])
})

it('groups actions by kind, those that see first', () => {
  expect(byKind(['stack:update', 'service:remove', 'stack:read', 'stack:plan', 'service:create'])).toEqual([
    { kind: 'service', verbs: ['create', 'remove'] },
    { kind: 'stack', verbs: ['read', 'update', 'plan'] },
  ])
})

it('reads lists however they are separated', () => {
  expect(listOf(' shop-*, bank\n shop-* ')).toEqual(['shop-*', 'bank'])
})

it.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36', 'Chrome · Linux'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0', 'Edge · Windows'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile/15E148 Safari/604.1', 'Safari · iOS'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:150.0) Gecko/20100101 Firefox/150.0', 'Firefox · macOS'],
  ['crane/0.1 python-requests/2.32', 'crane/0.1'],
  ['', ''],
])('names the device of %j', (agent, named) => expect(deviceOf(agent)).toBe(named))

it('says to whom and on what something is granted', () => {
  const grant = { account: null, group: 'shop-team', scope: 'stack' as const, on: 'shop-*' }

  expect([saySubject(grant), sayScope(grant)]).toEqual(['group shop-team', 'stack shop-*'])
  expect(saySubject({ account: 'ci', group: null }, new Set(['ci']))).toBe('service account ci')
  expect(sayScope({ scope: 'everything', on: '' })).toBe('everything')
})

it('says why, in whichever language, and by which grants', () => {
  const grant = { id: 7, effect: 'deny' as const, role: 'operator', account: 'eve', group: null, scope: 'everything' as const, on: '' }
  const right = { action: 'stack:update', help: '', allowed: false, reason: 'eve is denied operator', grants: [{ id: 7, effect: 'deny' as const, text: 'as told' }] }

  expect(explain(right)).toBe('eve is denied operator')
  expect(sayGrants(right, new Map([['7', grant as never]]))).toEqual(['Deny operator to user eve on everything'])
  expect(sayGrants(right, new Map())).toEqual(['as told'])
  setLanguage('zh-CN')
  expect([explain(right), explain({ ...right, grants: [] })]).toEqual(['有授权拒绝此操作', '没有授权允许此操作'])
  setLanguage('en')
})

it.each([
  ['', 'none'],
  ['short', 'short'],
  ['aaaaaaaaaaaaaaaa', 'weak'],
  ['abcdefghijklmnop', 'weak'],
  ['passwordpassword', 'weak'],
  ['annannannann1', 'weak'],
  ['tulip-cargo-9', 'fair'],
  ['correct horse battery staple', 'strong'],
])('finds %j %s', (password, strength) => expect(strengthOf(password, 12, 'ann')).toBe(strength))
