import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ago, bytes, clock, fill, language, number, percent, setLanguage, words } from '../../src/words'

beforeEach(() => setLanguage('en'))
afterEach(() => setLanguage('en'))

describe('a text', () => {
  it('is filled with values', () => {
    expect(fill('{n} of {total}', { n: 2, total: 3 })).toBe('2 of 3')
    expect(fill('{name}, {name}', { name: 'web' })).toBe('web, web')
  })

  it('keeps the places of what it is not given', () => {
    expect(fill('{name} {n|task|tasks}', {})).toBe('{name} {n|task|tasks}')
  })

  it('has the form that goes with a number', () => {
    const say = (n: number): string => fill('{n} {n|service|services}', { n })

    expect([0, 1, 2].map(say)).toEqual(['0 services', '1 service', '2 services'])
    expect(fill('{n|is|are}', { n: '1' })).toBe('is')
    expect(fill('{n||s}', { n: 1 })).toBe('')
  })

  it('puts what it is given in as it is', () => {
    expect(fill('{name}', { name: '{n} $& <b>' })).toBe('{n} $& <b>')
  })

  it('writes numbers as the language does, and names as they are', () => {
    expect(fill('{n}', { n: 1234567 })).toBe('1,234,567')
    expect(fill('{n}', { n: '1234567' })).toBe('1234567')
  })

  it('is said in the language that is chosen', () => {
    const t = words({ tasks: '{n} {n|task|tasks}' }, { tasks: '{n} 个任务' })

    expect(t('tasks', { n: 1 })).toBe('1 task')
    setLanguage('zh-CN')
    expect(t('tasks', { n: 1 })).toBe('1 个任务')
  })
})

describe('the language', () => {
  it('is remembered and told to the browser', async () => {
    setLanguage('zh-CN')
    await Promise.resolve()

    expect(localStorage.getItem('crane.language')).toBe('zh-CN')
    expect(document.documentElement.lang).toBe('zh-CN')
  })

  it.each([
    ['what was chosen before', 'en', ['zh-CN'], 'en'],
    ['what the browser prefers', null, ['fr', 'zh-TW'], 'zh-CN'],
    ['English otherwise', null, ['fr'], 'en'],
    ['English when what was chosen is gone', 'xx', ['fr'], 'en'],
  ])('is %s', async (_, kept, preferred, expected) => {
    vi.resetModules()
    if (kept === null) localStorage.removeItem('crane.language')
    else localStorage.setItem('crane.language', kept)
    vi.stubGlobal('navigator', { ...navigator, languages: preferred })

    expect((await import('../../src/words')).language.value).toBe(expected)
    vi.unstubAllGlobals()
  })
})

describe('amounts', () => {
  it('of bytes have the unit that fits', () => {
    expect([0, 1, 1023, 1024, 1536, 10 * 1024, 1024 ** 2 * 1.25, 5 * 1024 ** 3, 3 * 1024 ** 5].map(bytes)).toEqual([
      '0 B',
      '1 B',
      '1,023 B',
      '1 KiB',
      '1.5 KiB',
      '10 KiB',
      '1.3 MiB',
      '5 GiB',
      '3,072 TiB',
    ])
  })

  it('have the signs of the language', () => {
    expect(number(1234.5)).toBe('1,234.5')
    expect([percent(33), percent(0.4), percent(12.34, { maximumFractionDigits: 1 }), percent(1250)]).toEqual(['33%', '0%', '12.3%', '1,250%'])
  })
})

describe('moments', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  const before = (seconds: number): string => ago(new Date(now - seconds * 1000).toISOString(), now)

  it('are told by how long ago they were, in the largest unit', () => {
    expect([0, 5, 59, 60, 3599, 7200, 86400, 86400 * 45, 86400 * 800].map(before)).toEqual([
      'now',
      '5 sec. ago',
      '59 sec. ago',
      '1 min. ago',
      '59 min. ago',
      '2 hr. ago',
      'yesterday',
      'last mo.',
      '2 yr. ago',
    ])
  })

  it('are never in the future when the clock of the server is a little ahead', () => {
    expect(before(-3)).toBe('now')
  })

  it('are told in Chinese', () => {
    setLanguage('zh-CN')

    expect(language.value).toBe('zh-CN')
    expect(before(3600 * 3)).toBe('3小时前')
  })

  it('are left as they are when they are none', () => {
    expect(ago('soon', now)).toBe('soon')
    expect(clock('soon')).toBe('soon')
    expect(clock('2026-03-01T12:00:00Z')).toMatch(/2026/)
  })
})
