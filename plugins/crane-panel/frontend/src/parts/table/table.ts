/** What a table computes: which rows are shown in which order, and what is exported of them. */
import { compareTexts } from '../../words/order'

export type Value = string | number | boolean | null | undefined

export interface Column<Row> {
  key: string
  title: () => string
  /** What it is sorted and exported by. */
  value: (row: Row) => Value
  /** What it is sorted by where that is not what is exported, as for states: what is broken comes before what works. */
  rank?: (row: Row) => Value
  /** What is shown and filtered by; the value unless given. */
  text?: (row: Row) => string
  align?: 'right'
  /** Its width in pixels; columns without one share the rest. */
  width?: number
  /** Not shown until somebody chooses it. */
  optional?: boolean
  /** Shown also where there is little room; a number is its width there. */
  narrow?: boolean | number
  /** Kept from sorting. */
  unsorted?: boolean
  /** Holds what can be done with a row: always there, and no part of what is exported. */
  control?: boolean
}

/** Which of the server's rows are here. */
export interface Paging {
  offset: number
  limit: number
  total: number
}

/** What to sort by: the key of a column, with a leading minus the other way round. */
export type Order = string

/** Return the text of a cell. */
export function textOf<Row>(column: Column<Row>, row: Row): string {
  if (column.text) return column.text(row)
  const value = column.value(row)
  return value === null || value === undefined ? '' : String(value)
}

/** Return the rows that a text stands in; each of its words has to. */
export function filterRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], needle: string): readonly Row[] {
  const wanted = needle.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) return rows
  return rows.filter((row) => {
    const texts = columns.map((column) => textOf(column, row).toLocaleLowerCase())
    return wanted.every((word) => texts.some((text) => text.includes(word)))
  })
}

/** Return rows in an order; rows that are equal in it stay as they are. */
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order): readonly Row[] {
  const column = columns.find((each) => each.key === order.replace(/^-/, ''))
  if (!column) return rows
  const sign = order.startsWith('-') ? -1 : 1
  return rows
    .map((row, index) => ({ row, index, value: (column.rank ?? column.value)(row) }))
    .sort((a, b) => sign * compare(a.value, b.value) || a.index - b.index)
    .map((each) => each.row)
}

/** Compare two values: nothing comes first, numbers by size, texts as people sort them (web2 before web10). */
export function compare(a: Value, b: Value): number {
  if (a === b) return 0
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1
  if (b === null || b === undefined) return 1
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b)
  return Number(a) - Number(b)
}

/** Return the next order when the head of a column is pressed: up, down, as before. */
export function nextOrder(key: string, order: Order): Order {
  if (order === key) return `-${key}`
  return order === `-${key}` ? '' : key
}

/** Return rows as CSV (RFC 4180). Texts that a spreadsheet would take for formulas are kept from being that. */
export function toCsv<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [columns.map((column) => column.title()), ...rows.map((row) => columns.map((each) => cell(each.value(row))))]
  return lines.map((line) => line.map(quote).join(',')).join('\r\n') + '\r\n'
}

function cell(value: Value): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value)
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Return rows as JSON, one object each, by the keys of the columns. */
export function toJson<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map((each) => [each.key, each.value(row) ?? null])))
  return JSON.stringify(objects, null, 2)
}

/** Which of many rows have to be there for what can be seen of them, with some more at both ends. */
export function visibleRange(top: number, height: number, rowHeight: number, count: number): [number, number] {
  const before = 10
  const first = Math.max(0, Math.floor(top / rowHeight) - before)
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + before)
  // Few rows are cheaper whole.
  return count <= 60 ? [0, count] : [Math.min(first, count), last]
}

/** Give a text to be saved as a file. */
export function save(name: string, type: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}
