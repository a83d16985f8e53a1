/** docs/explanation/panel.md says what the panel does, and its colours can be read. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { lookOf, type Tone } from '../../src/parts/states'
import { t } from '../../src/parts/words'
import { setLanguage } from '../../src/words'

const page = readFileSync('../../../docs/explanation/panel.md', 'utf8')
const css = readFileSync('src/tokens.css', 'utf8')

function tokensOf(selector: string): Record<string, string> {
  const block = new RegExp(`^${selector.replace('.', '\\.')} \\{\\n(.*?)^\\}`, 'ms').exec(css)?.[1] ?? ''
  return Object.fromEntries([...block.matchAll(/^ {2}(--[\w-]+): ([^;]+);/gm)].map((found) => [found[1]!, found[2]!]))
}
const light = tokensOf(':root')
const dark = { ...light, ...tokensOf(':root.dark') }

/** The rows of the page's tables whose first cell is code. */
const rows = [...page.matchAll(/^\| `(--[\w-]+)` \| (.*) \|$/gm)].map((found) => ({
  token: found[1]!,
  cells: found[2]!.split(' | ').map((cell) => cell.replaceAll('`', '')),
}))

describe('the page about the panel', () => {
  it('names every token, with its use', () => {
    const named = rows.map((row) => row.token)

    expect(named.sort()).toEqual(Object.keys(light).filter((token) => token !== '--shadow').sort())
    expect(rows.filter((row) => (row.cells.at(-1) ?? '') === '')).toEqual([])
  })

  it('names their values', () => {
    const wrong = rows.filter(({ token, cells }) => {
      if (cells[0] === "the system's") return false
      return cells.length === 3 ? cells[0] !== light[token] || cells[1] !== dark[token] : cells[0] !== light[token]
    })

    expect(wrong).toEqual([])
  })

  it('names every state, with its colour', () => {
    const source = readFileSync('src/parts/states.ts', 'utf8')
    const table = source.slice(source.indexOf('const LOOKS'), source.indexOf('for (const [tone'))
    const quoted = [...table.matchAll(/'([a-z-]+)'/g)].map((found) => found[1]!)
    const special = [...table.matchAll(/(\w+): 'warn'/g)].map((found) => found[1]!)
    const known = new Set([...quoted, ...special].filter((state) => state !== 'warn'))
    const told = new Map<string, string>()
    for (const [, tone, states] of page.matchAll(/^\| (ok|busy|warn|bad|off) \| .* \| (.*) \|$/gm)) {
      for (const state of states!.matchAll(/`([a-z-]+)`/g)) told.set(state[1]!, tone!)
    }

    expect([...told.keys()].sort()).toEqual([...known].sort())
    expect([...told].filter(([state, tone]) => lookOf(state).tone !== tone)).toEqual([])
  })
})

describe('every state', () => {
  it('has a word in both languages', () => {
    const states = [...page.matchAll(/^\| (?:ok|busy|warn|bad|off) \| .* \| (.*) \|$/gm)].flatMap((found) =>
      [...found[1]!.matchAll(/`([a-z-]+)`/g)].map((state) => state[1]!),
    )
    for (const language of ['en', 'zh-CN'] as const) {
      setLanguage(language)
      expect(states.filter((state) => t(state as 'running') === state)).toEqual([])
    }
    setLanguage('en')
  })
})

/** How light a colour is, as WCAG computes it. */
function luminance(colour: string): number {
  const parts = [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16) / 255)
  const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high! + 0.05) / (low! + 0.05)
}

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s theme', (_, tokens) => {
  const surfaces = ['--ground', '--surface', '--surface-2', '--surface-hover', '--accent-soft']
  const tones: Tone[] = ['ok', 'busy', 'warn', 'bad', 'off']
  const texts: [string, string][] = [
    ...['--text', '--text-2', '--text-3', '--accent'].flatMap((text) => surfaces.map((on): [string, string] => [text, on])),
    ...tones.flatMap((tone): [string, string][] => [
      [`--${tone}`, `--${tone}-soft`],
      [`--${tone}`, '--surface'],
      ['--text', `--${tone}-soft`],
    ]),
    ['--on-accent', '--accent'],
    ['--surface', '--bad'],
  ]

  it('has texts that can be read', () => {
    const faint = texts.filter(([text, on]) => contrast(tokens[text]!, tokens[on]!) < 4.5)

    expect(faint).toEqual([])
  })

  it('has controls that can be seen', () => {
    const edges = ['--border-strong', '--focus'].flatMap((edge) => ['--surface', '--ground'].map((on) => [edge, on] as const))

    expect(edges.filter(([edge, on]) => contrast(tokens[edge]!, tokens[on]!) < 3)).toEqual([])
  })

  it('has lines of charts that can be seen', () => {
    const lines = Object.keys(tokens).filter((token) => token.startsWith('--chart-'))

    expect(lines.length).toBe(6)
    expect(lines.filter((line) => contrast(tokens[line]!, tokens['--surface']!) < 3)).toEqual([])
  })
})
