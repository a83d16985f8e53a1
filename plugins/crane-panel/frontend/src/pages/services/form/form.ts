/** The form of a service as data: texts by field, rows by list. Reading a spec into it, and what is wrong in it. */
import type { Violation } from '../../../api/types'
import { sayPlainly } from '../../../words/said'
import { at, FIELDS, itemsOf, LISTS, writeCells, type Field, type List } from './fields'
import { read, write, type JsonObject, type Mistake } from './values'

export interface Row {
  /** Tells the rows of a list apart, also those that are new. */
  id: number
  /** Which item of the spec it was read from; null for a new row. */
  origin: number | null
  cells: Record<string, string>
}

export type Mode = 'replicated' | 'global' | 'replicated-job' | 'global-job'

export interface Form {
  mode: Mode
  fields: Record<string, string>
  lists: Record<string, Row[]>
}

const MODES: Record<string, Mode> = { Global: 'global', ReplicatedJob: 'replicated-job', GlobalJob: 'global-job' }

/** Read a spec into a form. */
export function toForm(spec: JsonObject): Form {
  const mode = Object.entries(MODES).find(([member]) => at(spec, ['Mode', member]) !== undefined)?.[1] ?? 'replicated'
  return {
    mode,
    fields: Object.fromEntries(FIELDS.map((field) => [field.key, textOf(field, spec)])),
    lists: Object.fromEntries(LISTS.map((list) => [list.key, rowsOf(list, spec)])),
  }
}

function textOf(field: Field, spec: JsonObject): string {
  return write(field.kind, field.from ? field.from(spec) : at(spec, field.path))
}

function rowsOf(list: List, spec: JsonObject): Row[] {
  return itemsOf(list, spec).map((item, index) => ({ id: index, origin: index, cells: writeCells(list, item) }))
}

/** Return a new row of a list. */
export function newRow(list: List, rows: readonly Row[]): Row {
  const id = rows.reduce((highest, row) => Math.max(highest, row.id), 9999) + 1
  return { id, origin: null, cells: Object.fromEntries(list.columns.map((column) => [column.key, column.initial ?? ''])) }
}

/** Tell whether a row says nothing: one that was added and left as it was. */
export function isBlank(list: List, row: Row): boolean {
  return row.origin === null && list.columns.every((column) => (row.cells[column.key] ?? '') === (column.initial ?? ''))
}

/** The rows of a list that are sent, in the order in which they are. */
export function sentRows(list: List, form: Form): Row[] {
  return (form.lists[list.key] ?? []).filter((row) => !isBlank(list, row))
}

/** Tell whether a field shows something for a mode: a job has completions, a replicated service has replicas. */
export function fitsMode(field: Field, mode: Mode): boolean {
  if (field.path[0] !== 'Mode') return true
  return (mode === 'replicated' && field.path[1] === 'Replicated') || (mode === 'replicated-job' && field.path[1] === 'ReplicatedJob')
}

// --- What was changed -------------------------------------------------------------------------------------------------

export function fieldChanged(key: string, before: Form, after: Form): boolean {
  return before.fields[key] !== after.fields[key]
}

export function listChanged(list: List, before: Form, after: Form): boolean {
  const was = before.lists[list.key] ?? []
  const is = sentRows(list, after)
  return was.length !== is.length || is.some((row, index) => row.origin !== was[index]!.origin || !sameCells(row, was[index]!))
}

export function sameCells(one: Row, other: Row): boolean {
  return Object.keys(one.cells).every((key) => one.cells[key] === other.cells[key])
}

/** Count the fields and lists that were changed. */
export function countChanges(before: Form, after: Form): number {
  return (
    FIELDS.filter((field) => fieldChanged(field.key, before, after)).length +
    LISTS.filter((list) => listChanged(list, before, after)).length +
    (before.mode === after.mode ? 0 : 1)
  )
}

// --- What is wrong ----------------------------------------------------------------------------------------------------

/** Where something is wrong: a field, a list, or a cell of a row. */
export function cellKey(list: string, row: number, column: string): string {
  return `${list}/${row}/${column}`
}

/** Find what is wrong with what was typed; what nobody touched is not looked at. */
export function findMistakes(before: Form, after: Form, creating = false): Record<string, Mistake> {
  const found: Record<string, Mistake> = {}
  for (const field of FIELDS) {
    if (!fitsMode(field, after.mode)) continue
    const text = after.fields[field.key] ?? ''
    if (field.required && text.trim() === '' && (creating || field.key !== 'name')) found[field.key] = 'missing'
    else if (fieldChanged(field.key, before, after)) note(found, field.key, field.kind, text)
  }
  for (const list of LISTS) checkRows(found, list, before, after)
  if (!(after.fields['logDriver'] ?? '').trim() && fieldsOrRows(before, after)) found['logDriver'] = 'noDriver'
  return found
}

/** Options without a driver are only a mistake of whoever left them so. */
function fieldsOrRows(before: Form, after: Form): boolean {
  const options = LISTS.find((list) => list.key === 'logOptions')!
  const touched = fieldChanged('logDriver', before, after) || listChanged(options, before, after)
  return touched && sentRows(options, after).length > 0
}

function checkRows(found: Record<string, Mistake>, list: List, before: Form, after: Form): void {
  const original = new Map((before.lists[list.key] ?? []).map((row) => [row.origin, row]))
  const names = new Set<string>()
  for (const row of sentRows(list, after)) {
    const was = row.origin === null ? undefined : original.get(row.origin)
    if (!was || !sameCells(row, was)) {
      for (const column of list.columns) {
        const text = row.cells[column.key] ?? ''
        const key = cellKey(list.key, row.id, column.key)
        if (column.required && text.trim() === '') found[key] = 'missing'
        else note(found, key, column.kind, text)
      }
    }
    const name = (row.cells['name'] ?? '').trim()
    if (list.of === 'members' && name && names.has(name)) found[cellKey(list.key, row.id, 'name')] = 'twice'
    names.add(name)
  }
}

function note(found: Record<string, Mistake>, key: string, kind: Field['kind'], text: string): void {
  const meaning = read(kind, text)
  if ('mistake' in meaning) found[key] = meaning.mistake
}

/**
 * Put what the server found wrong at the fields that it is about.
 *
 * @returns What was found by field, and what has no field.
 */
export function placeViolations(
  violations: readonly Violation[],
  form: Form,
): { placed: Record<string, string>; others: Violation[] } {
  const placed: Record<string, string> = {}
  const others: Violation[] = []
  for (const violation of violations) {
    const key = placeOf(violation.pointer, form)
    if (key === null) others.push(violation)
    else placed[key] = [placed[key], sayPlainly('note', violation.code, violation.detail)].filter(Boolean).join(' ')
  }
  return { placed, others }
}

function placeOf(pointer: string, form: Form): string | null {
  const path = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const field = FIELDS.find((each) => fitsMode(each, form.mode) && startsWith(path, each.path))
  if (field) return field.key
  const list = LISTS.find((each) => startsWith(path, each.path))
  if (!list) return null
  const [item, ...inside] = path.slice(list.path.length)
  const rows = sentRows(list, form)
  const row = list.of === 'members' ? rows.find((each) => each.cells['name'] === item) : rows[Number(item)]
  if (!row) return list.key
  const column = list.columns.find((each) => each.path.length > 0 && startsWith(inside, each.path))
  // A text or member is wrong in its value, an object in what names it.
  return cellKey(list.key, row.id, (column ?? list.columns.at(list.of === 'objects' ? 0 : -1)!).key)
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.length <= path.length && start.every((member, index) => member === path[index])
}
