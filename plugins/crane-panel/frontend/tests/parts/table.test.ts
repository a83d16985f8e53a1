import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  compare,
  filterRows,
  nextOrder,
  save,
  sortRows,
  textOf,
  toCsv,
  toJson,
  visibleRange,
  type Column,
} from '../../src/parts/table/table'

interface Row {
  name: string
  tasks: number | null
  on?: boolean
}

const COLUMNS: Column<Row>[] = [
  { key: 'name', title: () => 'Name', value: (row) => row.name },
  { key: 'tasks', title: () => 'Tasks', value: (row) => row.tasks, text: (row) => `${row.tasks ?? 'no'} tasks` },
  { key: 'on', title: () => 'On', value: (row) => row.on },
]
const row = (name: string, tasks: number | null = 1): Row => ({ name, tasks })
const names = (rows: readonly Row[]): string[] => rows.map((each) => each.name)

describe('filtering', () => {
  const rows = [row('shop_web', 2), row('shop_db', 10), row('Blog', null)]

  it('keeps the rows in which each word stands somewhere, whatever its case', () => {
    expect(names(filterRows(rows, COLUMNS, 'SHOP'))).toEqual(['shop_web', 'shop_db'])
    expect(names(filterRows(rows, COLUMNS, 'shop 10'))).toEqual(['shop_db'])
    expect(names(filterRows(rows, COLUMNS, 'blog'))).toEqual(['Blog'])
    expect(names(filterRows(rows, COLUMNS, 'no tasks'))).toEqual(['Blog'])
    expect(filterRows(rows, COLUMNS, 'nothing')).toEqual([])
  })

  it('leaves the rows alone while nothing is typed', () => {
    expect(filterRows(rows, COLUMNS, '  ')).toBe(rows)
  })
})

describe('sorting', () => {
  it('sorts texts as people do, and numbers by size', () => {
    const rows = [row('web10', 9), row('web2', 10), row('Web1', 1)]

    expect(names(sortRows(rows, COLUMNS, 'name'))).toEqual(['Web1', 'web2', 'web10'])
    expect(names(sortRows(rows, COLUMNS, '-name'))).toEqual(['web10', 'web2', 'Web1'])
    expect(names(sortRows(rows, COLUMNS, '-tasks'))).toEqual(['web2', 'web10', 'Web1'])
  })

  it('leaves rows that are equal as they were, both ways', () => {
    const rows = [row('b'), row('a'), row('c')]

    expect(names(sortRows(rows, COLUMNS, 'tasks'))).toEqual(['b', 'a', 'c'])
    expect(names(sortRows(rows, COLUMNS, '-tasks'))).toEqual(['b', 'a', 'c'])
  })

  it('changes nothing for an order that there is not', () => {
    const rows = [row('b'), row('a')]

    expect(sortRows(rows, COLUMNS, 'colour')).toBe(rows)
    expect(sortRows(rows, COLUMNS, '')).toBe(rows)
  })

  it('puts nothing first', () => {
    expect([3, undefined, 'a', null, true].sort((a, b) => compare(a as never, b as never)).slice(0, 1)).toEqual([null])
    expect(compare(null, undefined)).toBe(0)
    expect(compare(null, 0)).toBe(-1)
    expect(compare('', null)).toBe(1)
    expect(compare(false, true)).toBeLessThan(0)
  })

  it('goes up, down, and back to how it was', () => {
    expect(nextOrder('name', '')).toBe('name')
    expect(nextOrder('name', 'name')).toBe('-name')
    expect(nextOrder('name', '-name')).toBe('')
    expect(nextOrder('name', '-tasks')).toBe('name')
  })
})

describe('exporting', () => {
  const rows: Row[] = [
    { name: 'a,"b"\nc', tasks: null, on: true },
    { name: '=HYPERLINK("x")', tasks: -3 },
  ]

  it('writes CSV that spreadsheets take for what it is', () => {
    expect(toCsv(rows, COLUMNS)).toBe(
      'Name,Tasks,On\r\n"a,""b""\nc",,true\r\n"\'=HYPERLINK(""x"")",-3,\r\n',
    )
  })

  it('writes JSON by the keys of the columns', () => {
    expect(JSON.parse(toJson(rows, COLUMNS.slice(0, 2)))).toEqual([
      { name: 'a,"b"\nc', tasks: null },
      { name: '=HYPERLINK("x")', tasks: -3 },
    ])
  })

  it('writes nothing as an empty text', () => {
    expect(textOf(COLUMNS[2]!, row('a'))).toBe('')
    expect(textOf(COLUMNS[1]!, row('a', null))).toBe('no tasks')
  })

  describe('a file', () => {
    afterEach(() => {
      vi.useRealTimers()
      vi.restoreAllMocks()
    })

    it('is given its name, and forgotten', () => {
      vi.useFakeTimers()
      const revoked = vi.spyOn(URL, 'revokeObjectURL').mockReturnValue(undefined)
      vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:rows')
      const clicked: string[] = []
      vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
        clicked.push(`${this.download} ${this.href}`)
      })

      save('rows.csv', 'text/csv', 'Name\r\n')
      vi.runAllTimers()

      expect(clicked).toEqual(['rows.csv blob:rows'])
      expect(revoked).toHaveBeenCalledWith('blob:rows')
    })
  })
})

describe('rows in sight', () => {
  it('are all of few', () => {
    expect(visibleRange(0, 300, 36, 60)).toEqual([0, 60])
  })

  it('are those that can be seen and ten at both ends of many', () => {
    expect(visibleRange(0, 360, 36, 1000)).toEqual([0, 20])
    expect(visibleRange(3600, 360, 36, 1000)).toEqual([90, 120])
    expect(visibleRange(1e9, 360, 36, 1000)).toEqual([1000, 1000])
  })
})
