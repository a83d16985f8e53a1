/**
 * Where in a Compose file a cursor stands, and what may be written there.
 *
 * While somebody types, a file is seldom valid YAML; its indentation still tells where they are. So it is read line by
 * line, upward from the cursor, and no parser has to agree.
 */

/** A JSON Schema, as far as that of Compose files goes: no references, and no alternatives but types. */
export interface Schema {
  type?: string | string[]
  description?: string
  enum?: unknown[]
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
}

/** The item of a list, in a path. */
export const ITEM = '*'

export interface Place {
  /** The keys from the outermost to the one that the cursor is below; `*` stands for an item of a list. */
  path: string[]
  /** Whether a key is written, or what comes after one. The key of a value is the last of the path. */
  kind: 'key' | 'value'
  /** What is written so far. */
  typed: string
  /** How many characters the line is indented at what is written. */
  column: number
  /** The keys that stand beside it already. */
  beside: string[]
}

export interface Suggestion {
  label: string
  /** What is written for it. */
  insert: string
  /** What it means. */
  description: string
  /** Whether the Swarm takes no notice of it. */
  ignored: boolean
}

interface Item {
  kind: 'item'
  column: number
}
interface Key {
  kind: 'key'
  column: number
  name: string
  value: string
}

const DASHES = /^( *)((?:- +)*)(-$)?/
const KEY = /^(?:"([^"]*)"|'([^']*)'|([^\s#:'"[\]{},&*!|>%@`-][^:#]*?|-[^\s:#][^:#]*?)) *:(?: +(.*)|$)/

/** Return what a line holds, the outermost first: items of lists, and a key at the end. */
function read(line: string): (Item | Key)[] {
  const found: (Item | Key)[] = []
  const dashes = DASHES.exec(line)!
  for (const dash of (dashes[2]! + (dashes[3] ?? '')).matchAll(/-/g)) {
    found.push({ kind: 'item', column: dashes[1]!.length + dash.index })
  }
  const column = dashes[0].length
  const key = KEY.exec(line.slice(column))
  if (key) {
    const value = (key[4] ?? '').replace(/(^|\s)#.*$/, '').trim()
    found.push({ kind: 'key', column, name: key[1] ?? key[2] ?? key[3]!, value })
  }
  return found
}

function isBlank(line: string): boolean {
  return /^\s*(#.*)?$/.test(line)
}

/** Return where a cursor stands; null in comments, texts and lists in brackets, where nothing can be suggested. */
export function placeAt(text: string, position: number): Place | null {
  const lines = text.split('\n')
  const row = text.slice(0, position).split('\n').length - 1
  const before = text.slice(text.lastIndexOf('\n', position - 1) + 1, position)
  if (/\t/.test(before) || /(^|\s)#/.test(before)) return null

  const column = DASHES.exec(before)![0].length
  const written = before.slice(column)
  const here = read(before)
  const own = here.at(-1)
  let kind: Place['kind'] = 'key'
  let typed = written
  if (own?.kind === 'key') {
    kind = 'value'
    typed = /: *(.*)$/.exec(written.slice(own.name.length))![1]!
    if (!/: /.test(written.slice(own.name.length))) return null
  }
  if (!/^["']?[\w./-]*$/.test(typed)) return null

  const within = here.filter((each) => each.kind === 'item').length
  const above = climb(lines, row, before, column)
  if (above === null) return null
  const path = [...above.path]
  if (kind === 'value') path.push((own as Key).name)
  return { path, kind, typed, column, beside: kind === 'key' ? [...above.beside, ...after(lines, row, column, within)] : [] }
}

/** Return how many characters a new line is indented after one: deeper below a key that has no value yet. */
export function indentAfter(line: string): number {
  const things = read(line)
  const last = things.at(-1)
  if (last?.kind === 'item') return last.column
  if (last?.kind !== 'key') return /^ */.exec(line)![0].length
  return /^([&!]\S*|[|>][-+0-9]*)?$/.test(last.value) ? last.column + 2 : last.column
}

/** Return the path of the key that stands in a line; null when none does. */
export function pathOfLine(text: string, row: number): string[] | null {
  const lines = text.split('\n')
  const line = lines[row] ?? ''
  const own = read(line).at(-1)
  if (own?.kind !== 'key') return null
  const above = climb(lines, row, line, own.column)
  return above && [...above.path, own.name]
}

/** Go up from a line, to each thing that what stands there is below of. */
function climb(lines: string[], row: number, line: string, start: number): { path: string[]; beside: string[] } | null {
  const path: string[] = []
  const beside: string[] = []
  let column = start
  let isItem = false
  let first = true

  /** Take one thing of a line; false when the file cannot be read there. */
  const take = (each: Item | Key): boolean => {
    if (each.kind === 'item') {
      if (each.column < column) {
        path.unshift(ITEM)
        column = each.column
        isItem = true
        first = false
      }
      return true
    }
    // A list may stand as far to the left as the key that it belongs to.
    if (each.column < column || (isItem && each.column === column)) {
      // Below a text, or below a value that is complete, there is nothing to say.
      if (each.value !== '' && !/^[&!]\S*$/.test(each.value)) return false
      path.unshift(each.name)
      column = each.column
      isItem = false
      first = false
    } else if (first && each.column === column) {
      beside.unshift(each.name)
    }
    return true
  }

  for (const each of read(line).reverse()) {
    if (each.kind === 'item' && !take(each)) return null
  }
  for (let at = row - 1; at >= 0 && (column > 0 || isItem || first); at -= 1) {
    if (isBlank(lines[at]!)) continue
    for (const each of read(lines[at]!).reverse()) if (!take(each)) return null
  }
  return column > 0 || isItem ? null : { path, beside }
}

/** Return the keys that come after a line, at the same depth. */
function after(lines: string[], row: number, column: number, within: number): string[] {
  const found: string[] = []
  for (const line of lines.slice(row + 1)) {
    if (isBlank(line)) continue
    const [outer] = read(line)
    const indent = /^ */.exec(line)![0].length
    if (indent < column || (within > 0 && outer?.kind === 'item' && indent <= column)) break
    if (indent === column && outer?.kind === 'key') found.push(outer.name)
  }
  return found
}

/** Return the schema of what stands at a path; null where anything may. */
export function schemaAt(schema: Schema, path: readonly string[]): Schema | null {
  let now: Schema | undefined = schema
  for (const key of path) {
    const others: Schema | boolean | undefined = now?.additionalProperties
    if (key === ITEM) now = now?.items
    else now = own(now?.properties, key) ?? (typeof others === 'object' ? others : undefined)
    if (!now) return null
  }
  return now
}

function own(properties: Record<string, Schema> | undefined, key: string): Schema | undefined {
  return properties && Object.hasOwn(properties, key) ? properties[key] : undefined
}

function types(schema: Schema): string[] {
  return schema.type === undefined ? [] : [schema.type].flat()
}

/** Return what may be written at a place: keys and values of the schema, and names that the file itself gives. */
export function suggest(schema: Schema, place: Place, text: string): Suggestion[] {
  const here = schemaAt(schema, place.path)
  if (!here) return []
  if (place.kind === 'value') return [...values(here), ...named(text, place, '')]
  const keys = Object.entries(here.properties ?? {})
    .filter(([key]) => !place.beside.includes(key))
    .map(([key, each]) => ({
      label: key,
      insert: key + opening(each, place.column),
      description: (each.description ?? '').replace(/^Ignored\. */, ''),
      ignored: /^Ignored\b/.test(each.description ?? ''),
    }))
  const suffix = place.path.at(-1) === ITEM ? '' : ':'
  return [...keys, ...named(text, place, suffix)].filter((each) => !place.beside.includes(each.label))
}

function values(schema: Schema): Suggestion[] {
  const wanted = [...(schema.enum ?? []).map(String), ...(types(schema).includes('boolean') ? ['true', 'false'] : [])]
  return wanted.map((label) => ({ label, insert: label, description: schema.description ?? '', ignored: false }))
}

/** Return what comes after a key: a value, or something below it. */
function opening(schema: Schema, column: number): string {
  const possible = types(schema)
  if (possible.length === 0 || possible.some((each) => ['string', 'number', 'integer', 'boolean'].includes(each))) return ': '
  const below = `:\n${' '.repeat(column + 2)}`
  return possible.includes('object') || !possible.includes('array') ? below : `${below}- `
}

/** Where a service names what stands elsewhere in the file. */
const NAMED: Record<string, string> = { networks: 'networks', configs: 'configs', secrets: 'secrets' }

function named(text: string, place: Place, suffix: string): Suggestion[] {
  const [services, , key, ...rest] = place.path
  const section = services === 'services' && key !== undefined ? NAMED[key] : undefined
  if (section === undefined) return []
  const asItem = rest.length === 1 && rest[0] === ITEM && place.kind === 'key'
  const asKey = rest.length === 0 && place.kind === 'key' && section === 'networks'
  const asSource = rest.length === 2 && rest[1] === 'source' && place.kind === 'value'
  if (!asItem && !asKey && !asSource) return []
  return keysOf(text, section).map((label) => ({
    label,
    insert: asKey ? label + suffix : label,
    description: '',
    ignored: false,
  }))
}

/** Return the keys of a section of a file: the networks that it names, say. */
export function keysOf(text: string, section: string): string[] {
  const found: string[] = []
  let inside = false
  let column = -1
  for (const line of text.split('\n')) {
    if (isBlank(line)) continue
    const [outer] = read(line)
    if (outer?.kind !== 'key') continue
    if (outer.column === 0) {
      inside = outer.name === section
      column = -1
    } else if (inside) {
      if (column < 0) column = outer.column
      if (outer.column === column) found.push(outer.name)
    }
  }
  return found
}
