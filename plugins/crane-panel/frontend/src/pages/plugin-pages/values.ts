/** Items by the names of their members: what is shown of them, and what is filled in from them. */
import { say } from '../../parts/differences'
import { bytes, number } from '../../words'
import type { Column, Value } from '../../parts/table/table'
import type { Item, PageColumn } from './page'
import { t } from './words'

const PLACE = /\{([^{}]+)\}/g

/** Return the member of an item that a dotted path leads to; undefined if it leads nowhere. */
export function memberOf(item: unknown, path: string): unknown {
  let found = item
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined
    found = (found as Item)[name]
  }
  return found
}

/** Return a value as it is read. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? t('yes') : t('no')
  if (typeof value === 'number') return number(value)
  if (Array.isArray(value)) return value.map(textOf).join(', ')
  return say(value)
}

/** Return the texts of a list; of anything else the one that it is. */
export function textsOf(value: unknown): string[] {
  const texts = Array.isArray(value) ? value.map(textOf) : [textOf(value)]
  return texts.filter((text) => text !== '')
}

/** Return the names that stand in braces. */
export function placesOf(template: string): string[] {
  return [...template.matchAll(PLACE)].map((found) => found[1]!)
}

/** Fill values into an address, percent-encoded; null when one is missing or would lead elsewhere. */
export function fillAddress(template: string, read: (name: string) => unknown): string | null {
  let complete = true
  const filled = template.replace(PLACE, (_, name: string) => {
    const text = plain(read(name))
    // Browsers take these for a way up, however they are written.
    if (text === '' || text === '.' || text === '..') complete = false
    return encodeURIComponent(text)
  })
  return complete ? filled : null
}

/** Fill members of an item into a sentence; what it does not have stays in its braces. */
export function fillText(template: string, item: unknown): string {
  return template.replace(PLACE, (whole, name: string) => textOf(memberOf(item, name)) || whole)
}

/** An address has no thousands separators. */
function plain(value: unknown): string {
  return typeof value === 'number' ? String(value) : textOf(value)
}

/** Return the column of a table that a column of a page is. */
export function toColumn(column: PageColumn, index: number, unsorted: boolean): Column<Item> {
  const value = (item: Item): unknown => memberOf(item, column.member)
  return {
    key: column.member,
    title: () => column.title,
    value: (item) => sortable(value(item)),
    text: (item) => shownText(column, value(item)),
    align: column.kind === 'number' || column.kind === 'bytes' ? 'right' : undefined,
    // Where there is little room: what it is, and how it is.
    narrow: index === 0 || column.kind === 'state',
    unsorted,
  }
}

/** Return how a value is shown in a column, as text. */
export function shownText(column: PageColumn, value: unknown): string {
  return column.kind === 'bytes' && typeof value === 'number' ? bytes(value) : textOf(value)
}

function sortable(value: unknown): Value {
  return typeof value === 'number' || typeof value === 'boolean' ? value : textOf(value) || null
}
