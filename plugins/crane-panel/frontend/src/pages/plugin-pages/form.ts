/** What is filled in before an action is done: where it starts, whether it is complete, what is sent of it. */
import { Problem } from '../../api/problem'
import type { Violation } from '../../api/types'
import { sayPlainly } from '../../words/said'
import type { Item, PageField } from './page'
import { memberOf, placesOf, textOf } from './values'

/** Texts as they are typed, and switches; by the names of the fields. */
export type Filled = Record<string, string | boolean>

/** Return what the fields hold at first: what the item has under their names, else nothing. */
export function startValues(fields: readonly PageField[], item?: Item): Filled {
  return Object.fromEntries(fields.map((field) => [field.name, startValue(field, memberOf(item, field.name))]))
}

function startValue(field: PageField, value: unknown): string | boolean {
  if (field.kind === 'switch') return value === true
  if (field.kind === 'lines') return Array.isArray(value) ? value.map(textOf).join('\n') : ''
  if (field.kind === 'number') return typeof value === 'number' ? String(value) : ''
  const text = typeof value === 'string' ? value : ''
  return field.kind === 'choice' && !field.choices.includes(text) ? '' : text
}

export type Wrong = 'required' | 'noNumber'

/** Return what is wrong with what was filled in, by the names of the fields. */
export function findWrong(fields: readonly PageField[], filled: Filled): Record<string, Wrong> {
  const wrong: Record<string, Wrong> = {}
  for (const field of fields) {
    const value = filled[field.name]
    if (typeof value === 'boolean') continue
    const text = (value ?? '').trim()
    if (text === '') {
      if (field.required) wrong[field.name] = 'required'
    } else if (field.kind === 'number' && !Number.isFinite(Number(text))) wrong[field.name] = 'noNumber'
  }
  return wrong
}

/** Return the JSON body: the fields that the address does not name; undefined if there are none. */
export function bodyOf(fields: readonly PageField[], url: string, filled: Filled, start: Filled): Item | undefined {
  const named = new Set(placesOf(url))
  const sent = fields.filter((field) => !named.has(field.name))
  if (sent.length === 0) return undefined
  const members = sent.map((field) => [field.name, valueOf(field, filled[field.name], start[field.name])] as const)
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

/** Return a value as it is sent: what is empty is left out, unless it was emptied. */
function valueOf(field: PageField, value: string | boolean | undefined, start: string | boolean | undefined): unknown {
  if (typeof value === 'boolean') return value
  const text = value ?? ''
  if (field.kind === 'lines') {
    const lines = text.split('\n').map((line) => line.trim()).filter(Boolean)
    return lines.length > 0 || start ? lines : undefined
  }
  if (text.trim() === '') return start ? emptyOf(field) : undefined
  return field.kind === 'number' ? Number(text) : text
}

function emptyOf(field: PageField): string | null {
  return field.kind === 'text' ? '' : null
}

/** Return the sentences of a problem at the fields that they are about, and the problem as far as it is about none. */
export function sortErrors(
  fields: readonly PageField[],
  problem: Problem,
): { at: Record<string, string[]>; rest: Problem | null } {
  const at: Record<string, string[]> = {}
  const others: Violation[] = []
  for (const error of problem.details.errors ?? []) {
    const name = firstOf(error.pointer)
    if (fields.some((field) => field.name === name)) (at[name] ??= []).push(sayPlainly('note', error.code, error.detail))
    else others.push(error)
  }
  if (Object.keys(at).length === 0) return { at, rest: problem }
  return { at, rest: others.length > 0 ? new Problem({ ...problem.details, errors: others }) : null }
}

/** Return the first member that a JSON pointer names. */
function firstOf(pointer: string): string {
  return (pointer.split('/')[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~')
}
