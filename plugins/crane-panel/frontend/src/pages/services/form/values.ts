/** Values of a spec as texts that are typed: written as docker writes them, and read with what is wrong in words. */
import { duration, memory, parseDuration, parseMemory } from '../../../parts/differences'
import { joinWords, splitWords } from './shell'

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
export type JsonObject = { [member: string]: Json }

export type Kind =
  | 'text'
  /** Words with quotes, as a shell takes them. */
  | 'command'
  /** Words between commas or spaces. */
  | 'words'
  | 'whole'
  | 'port'
  | 'ratio'
  | 'duration'
  | 'memory'
  | 'cpus'
  /** Yes, no, or nothing said. */
  | 'flag'
  /** Yes, or nothing said. */
  | 'switch'
  /** The test of a healthcheck, as a Dockerfile has it. */
  | 'test'

export type Mistake =
  | 'notWhole'
  | 'notPort'
  | 'notRatio'
  | 'notDuration'
  | 'notMemory'
  | 'notCpus'
  | 'openQuote'
  | 'notList'
  | 'missing'
  | 'twice'
  | 'noDriver'

/** What a text means: a value, undefined for nothing said, or a mistake. */
export type Meaning = { value: Json | undefined } | { mistake: Mistake }

/** Write a value of a spec as the text that stands in a field. */
export function write(kind: Kind, value: unknown): string {
  if (value === undefined || value === null) return ''
  switch (kind) {
    case 'command':
      return Array.isArray(value) ? joinWords(value.map(String)) : ''
    case 'words':
      return Array.isArray(value) ? value.map(String).join(' ') : ''
    case 'duration':
      return duration(Number(value))
    case 'memory':
      return memory(Number(value))
    case 'cpus':
      return String(Number(value) / 1e9)
    case 'switch':
      return value === true ? 'true' : ''
    case 'port':
      return value === 0 ? '' : String(value)
    case 'test':
      return Array.isArray(value) ? writeTest(value.map(String)) : ''
    default:
      return String(value)
  }
}

/** Read the text of a field. */
export function read(kind: Kind, typed: string): Meaning {
  const text = typed.trim()
  if (text === '') return { value: undefined }
  switch (kind) {
    case 'text':
      return { value: typed }
    case 'command':
      return unless('openQuote', splitWords(typed))
    case 'words':
      return { value: text.split(/[\s,]+/).filter(Boolean) }
    case 'whole':
      return unless('notWhole', /^[0-9]{1,15}$/.test(text) ? Number(text) : null)
    case 'port':
      return unless('notPort', /^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535 ? Number(text) : null)
    case 'ratio':
      return unless('notRatio', /^(0?\.[0-9]+|[01](\.[0-9]*)?)$/.test(text) && Number(text) <= 1 ? Number(text) : null)
    case 'duration':
      return unless('notDuration', parseDuration(text))
    case 'memory':
      return unless('notMemory', parseMemory(text))
    case 'cpus':
      return unless('notCpus', /^([0-9]+(\.[0-9]*)?|\.[0-9]+)$/.test(text) ? Math.round(Number(text) * 1e9) : null)
    case 'flag':
    case 'switch':
      return { value: text === 'true' }
    case 'test':
      return unless('notList', readTest(text))
  }
}

function unless(mistake: Mistake, value: Json): Meaning {
  return value === null ? { mistake } : { value }
}

function writeTest(test: string[]): string {
  const [kind, ...rest] = test
  if (kind === 'NONE') return 'NONE'
  if (kind === 'CMD-SHELL' && rest.length === 1) return rest[0]!
  return kind === 'CMD' ? JSON.stringify(rest) : JSON.stringify(test)
}

function readTest(text: string): string[] | null {
  if (text === 'NONE') return ['NONE']
  if (!text.startsWith('[')) return ['CMD-SHELL', text]
  try {
    const words: unknown = JSON.parse(text)
    if (!Array.isArray(words) || words.length === 0 || words.some((word) => typeof word !== 'string')) return null
    return ['CMD', ...(words as string[])]
  } catch {
    // A shell tests with a bracket too: [ -f /ready ]
    return text.startsWith('["') ? null : ['CMD-SHELL', text]
  }
}
