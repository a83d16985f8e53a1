/**
 * From a form back to a spec: a JSON merge patch (RFC 7396) of what was changed in it, and of nothing else.
 *
 * The difference is taken between two specs, the one that was read and a copy of it with the changed fields put in. So
 * whatever the form does not show stays as it is, unknown members inside changed rows included.
 */
import { at, FIELDS, itemsOf, LISTS, put, readCells, type List } from './fields'
import { fieldChanged, fitsMode, listChanged, sameCells, sentRows, type Form, type Mode, type Row } from './form'
import { read, type Json, type JsonObject } from './values'

const MEMBERS: Record<Mode, string> = {
  replicated: 'Replicated',
  global: 'Global',
  'replicated-job': 'ReplicatedJob',
  'global-job': 'GlobalJob',
}
const IMAGE_LABEL = 'com.docker.stack.image'

/** Return the patch that does to a spec what was done to its form. */
export function patchOf(spec: JsonObject, before: Form, after: Form): JsonObject {
  return difference(spec, specOf(spec, before, after))
}

/**
 * Return a spec with what was changed in its form.
 *
 * @param before The form as it was read from the spec.
 */
export function specOf(spec: JsonObject, before: Form, after: Form): JsonObject {
  const next = structuredClone(spec)
  if (before.mode !== after.mode) next['Mode'] = { [MEMBERS[after.mode]]: {} }
  for (const field of FIELDS) {
    if (!fitsMode(field, after.mode) || !fieldChanged(field.key, before, after)) continue
    const meaning = read(field.kind, after.fields[field.key] ?? '')
    put(next, field.path, 'value' in meaning ? trimmed(meaning.value) : undefined)
  }
  for (const list of LISTS) {
    if (listChanged(list, before, after)) putRows(next, spec, list, sentRows(list, after))
  }
  // A job of which nothing is said any more is still a job.
  if (spec['Mode'] && !at(next, ['Mode'])) next['Mode'] = { [MEMBERS[after.mode]]: {} }
  keepPace(next, spec, 'UpdateConfig', fieldChanged('updateParallelism', before, after))
  keepPace(next, spec, 'RollbackConfig', fieldChanged('rollbackParallelism', before, after))
  keepImageLabel(next, spec)
  return next
}

function trimmed(value: Json | undefined): Json | undefined {
  return typeof value === 'string' ? value.trim() : value
}

function putRows(next: JsonObject, spec: JsonObject, list: List, rows: Row[]): void {
  const originals = itemsOf(list, spec)
  const items = rows.map((row) => readCells(list, row.cells, row.origin === null ? undefined : originals[row.origin]))
  const value = list.of === 'members' ? Object.fromEntries(items as [string, Json][]) : items
  put(next, list.path, items.length === 0 ? undefined : value)
  // Networks that stood in their old place would come back from there.
  if (list.key === 'networks') Reflect.deleteProperty(next, 'Networks')
}

/** Say how many tasks are updated at once where that would change with the rest: an update told little takes all. */
function keepPace(next: JsonObject, spec: JsonObject, rules: string, emptied: boolean): void {
  if (at(next, [rules]) === undefined || at(next, [rules, 'Parallelism']) !== undefined) return
  if (at(spec, [rules]) === undefined || emptied) put(next, [rules, 'Parallelism'], 1)
}

/** A stack notes the image that its file names in a label; with another image that would be untrue. */
function keepImageLabel(next: JsonObject, spec: JsonObject): void {
  const path = ['TaskTemplate', 'ContainerSpec', 'Image']
  const image = at(next, path)
  const label = at(next, ['Labels', IMAGE_LABEL])
  if (image === undefined || image === at(spec, path) || label === undefined) return
  if (label === at(spec, ['Labels', IMAGE_LABEL])) put(next, ['Labels', IMAGE_LABEL], image)
}

/** Return the JSON merge patch that makes one object into another. */
export function difference(from: JsonObject, to: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const member of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const was = from[member]
    const is = to[member]
    if (same(was, is)) continue
    if (is === undefined) patch[member] = null
    else patch[member] = isObject(was) && isObject(is) ? difference(was, is) : is
  }
  return patch
}

/** Apply a JSON merge patch. */
export function applyPatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result = { ...target }
  for (const [member, value] of Object.entries(patch)) {
    const inner = result[member]
    if (value === null) Reflect.deleteProperty(result, member)
    else result[member] = isObject(value) ? applyPatch(isObject(inner) ? inner : {}, value) : value
  }
  return result
}

/** Tell whether two values are the same, in whatever order their members stand. */
export function same(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => same(item, other[index]))
  }
  if (!isObject(one) || !isObject(other)) return false
  const members = Object.keys(one)
  return members.length === Object.keys(other).length && members.every((member) => same(one[member], other[member]))
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// --- When the service has changed meanwhile ---------------------------------------------------------------------------

/**
 * Return a form that was read anew with the changes that were made to the old one.
 *
 * @param before The form as it was first read.
 * @param after The same with the user's changes.
 * @param fresh The form as it is read now.
 */
export function rebase(before: Form, after: Form, fresh: Form): Form {
  const fields = { ...fresh.fields }
  for (const field of FIELDS) {
    if (fieldChanged(field.key, before, after)) fields[field.key] = after.fields[field.key] ?? ''
  }
  const lists = Object.fromEntries(LISTS.map((list) => [list.key, rebaseRows(list, before, after, fresh)]))
  return { mode: fresh.mode, fields, lists }
}

function rebaseRows(list: List, before: Form, after: Form, fresh: Form): Row[] {
  const present = fresh.lists[list.key] ?? []
  if (!listChanged(list, before, after)) return present
  const kept = new Map((after.lists[list.key] ?? []).map((row) => [row.origin, row]))
  const old = byName(list, before.lists[list.key] ?? [])
  const added = byName(list, sentRows(list, after).filter((row) => row.origin === null))
  const rows: Row[] = []
  const met = new Set<string>()
  for (const row of present) {
    const name = nameOf(list, row)
    met.add(name)
    const was = old.get(name)
    const mine = was ? kept.get(was.origin) : added.get(name)
    if (was && !mine) continue
    rows.push(mine && !(was && sameCells(mine, was)) ? { ...row, cells: { ...mine.cells } } : row)
  }
  let id = 10_000
  for (const row of sentRows(list, after)) {
    const was = (before.lists[list.key] ?? []).find((each) => row.origin !== null && each.origin === row.origin)
    // Somebody else has taken away what was not touched here; what was changed here stays wanted.
    if (met.has(nameOf(list, was ?? row)) || (was && sameCells(row, was))) continue
    rows.push({ id: (id += 1), origin: null, cells: { ...row.cells } })
  }
  return rows
}

function byName(list: List, rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [nameOf(list, row), row]))
}

/** What a row is known by when the service is read again. */
function nameOf(list: List, row: Row): string {
  const cells = row.cells
  if (list.key === 'ports') return `${cells['target']}/${cells['protocol']}`
  return (list.key === 'mounts' ? cells['target'] : cells[list.columns[0]!.key]) ?? ''
}
