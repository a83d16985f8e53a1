/**
 * What the server says in English, in the reader's language.
 *
 * Its sentences carry a code that does not change, and each code has a sentence here. The server's own text is always kept
 * beside it: it names services, images and nodes, it holds what the Engine said, and operators search for it. A test of the
 * server compares `said.zh-CN.json` with all codes that it can send.
 */
import { computed, shallowRef, watch } from 'vue'
import { language, type Language } from '.'

export interface Sentence {
  text: string
  /** What to do, where the server advises something. */
  advice?: string
}

/** What a code is about: the same code may mean one thing of a verdict and another of a request. */
export type Subject = 'ending' | 'cause' | 'progress' | 'problem' | 'note' | 'finding'
type Sentences = Record<string, Sentence>

// Only who reads a language is sent its sentences.
const SAID: Partial<Record<Language, () => Promise<{ default: Record<string, Sentences> }>>> = {
  'zh-CN': () => import('./said.zh-CN.json'),
}
const known = shallowRef<Partial<Record<Language, Record<string, Sentences>>>>({})

/** Have the sentences of the present language; until they are there the server's own are shown. */
export async function loadSentences(): Promise<void> {
  const chosen = language.value
  if (known.value[chosen] || !SAID[chosen]) return
  const sentences = (await SAID[chosen]()).default
  known.value = { ...known.value, [chosen]: sentences }
}

// When they fail to come, what is shown stays in English, and the next switch tries again.
watch(language, () => void loadSentences().catch(() => undefined), { immediate: true })

// Problems that the panel itself tells of, and in the reader's language already.
const SPOKEN = new Set(['no-address', 'page-failed', 'passkey-declined'])

/** The language of the server's own texts, for elements that show them; undefined where the whole page has it. */
export const serverLanguage = computed(() => (language.value === 'en' ? undefined : 'en'))

/** Return what a code of the server means in the present language; null in English, and where there are no words for it. */
export function sentenceOf(subject: Subject, code: string | null | undefined): Sentence | null {
  const said = known.value[language.value]
  if (!said || !code) return null
  if (subject === 'ending') return find(said['endings'], code)
  if (subject === 'progress') return find(said['progress'], code)
  if (subject === 'problem') return find(said['problems'], code)
  if (subject === 'note') return find(said['notes'], code)
  if (subject === 'finding') return find(said['findings'], code)
  const cause = find(said['causes'], code)
  if (cause) return cause
  // A step that was refused ends an operation with the code of the problem, and with one advice for all of them.
  const refusal = find(said['problems'], code)
  return refusal && { text: refusal.text, advice: find(said['refusals'], 'advice')?.text }
}

function find(sentences: Sentences | undefined, code: string): Sentence | null {
  return sentences && Object.hasOwn(sentences, code) ? sentences[code]! : null
}

/** Return the language of a text that came with a code; undefined where the whole page has it. */
export function languageOf(code: string | null | undefined): string | undefined {
  return code && SPOKEN.has(code) ? undefined : serverLanguage.value
}

/** Say something of the server's as one text, its own words last: where there is no room for elements. */
export function sayPlainly(subject: Subject, code: string | null | undefined, text: string): string {
  const sentence = sentenceOf(subject, code)
  return sentence ? `${sentence.text} ${text}` : text
}

interface Ended {
  outcome: string
  code: string
}

/** Return what the code of a verdict is about: how it ended well, or why it did not. */
export function subjectOf(verdict: Ended): Subject {
  return verdict.outcome === 'converged' ? 'ending' : 'cause'
}

interface Going {
  state: string
  code: string
}

/** Return what tells how far a service is: the cause once there is one, its state before. */
export function standingOf(service: Going): { subject: Subject; code: string } {
  return service.code ? { subject: 'cause', code: service.code } : { subject: 'progress', code: service.state }
}
