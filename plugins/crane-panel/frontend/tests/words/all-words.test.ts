/** Everything that the panel says, in both languages. */
import { describe, expect, it, vi } from 'vitest'

type Texts = Record<string, string>
const said = vi.hoisted(() => [] as [Texts, Texts][])

vi.mock('../../src/words', async (original) => {
  const real = await original<typeof import('../../src/words')>()
  return {
    ...real,
    words: (english: Texts, chinese: Texts) => {
      said.push([english, chinese])
      return real.words(english, chinese)
    },
  }
})

const sources = import.meta.glob<string>('../../src/**/*.{ts,vue}', { query: '?raw', import: 'default', eager: true })
const modules = import.meta.glob('../../src/**/*.ts')
const speaking = Object.keys(sources).filter(
  (path) => !path.endsWith('src/words/index.ts') && /(?<![.\w])words\(/.test(sources[path]!),
)
const PLACE = /\{(\w+)(?:\|[^|{}]*\|[^|{}]*)?\}/g
const namesIn = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((found) => found[1]!)),
]
// Chinese has no plural, so a number that only chooses a form need not stand there.
const shownIn = (text: string): string => namesIn(text, /\{(\w+)\}/g).sort().join(' ')

function differ({ english, chinese }: Record<'english' | 'chinese', string>): boolean {
  const given = namesIn(english, PLACE)
  return shownIn(english) !== shownIn(chinese) || namesIn(chinese, PLACE).some((name) => !given.includes(name))
}

describe('what the panel says', () => {
  it('stands in modules, where it is found by this test', () => {
    expect(speaking.filter((path) => path.endsWith('.vue'))).toEqual([])
    expect(speaking.length).toBeGreaterThan(8)
  })

  describe.each(speaking)('in %s', (path) => {
    it('is said in both languages, with the same values', async () => {
      said.length = 0
      vi.resetModules()
      await modules[path]!()

      const own = said.flatMap(([english, chinese]) => {
        expect(Object.keys(chinese).sort()).toEqual(Object.keys(english).sort())
        return Object.keys(english).map((key) => ({ key, english: english[key]!, chinese: chinese[key]! }))
      })
      expect(own.length).toBeGreaterThan(0)
      expect(own.filter((text) => text.english.trim() === '' || text.chinese.trim() === '')).toEqual([])
      expect(own.filter(differ)).toEqual([])
      // A brace that is no place is a slip of the pen.
      expect(own.filter((text) => /[{}]/.test(`${text.english}${text.chinese}`.replace(PLACE, '')))).toEqual([])
    })
  })
})
