import { describe, expect, it } from 'vitest'
import { Heights, ROW, rowsOf } from '../../src/pages/logs/heights'
import { filtered, LogStore, plain, queryOf, toText, type LogMessage } from '../../src/pages/logs/log'

function stamp(second: number): string {
  return `2026-05-04T12:00:${String(second).padStart(2, '0')}.000000000Z`
}

function told(...lines: [second: number, source: string, text: string, stream?: number][]): LogMessage {
  return { lines: lines.map(([second, source, text, stream]) => [stamp(second), source, stream ?? 1, text]) }
}

function texts(store: LogStore): string[] {
  return store.lines.map((line) => line.text)
}

describe('a log', () => {
  it('stands in the order of time, whatever came first', () => {
    const store = new LogStore()

    store.take(told([1, 'a', 'one'], [3, 'a', 'three']))
    store.take(told([2, 'b', 'two'], [4, 'b', 'four', 2]))

    expect(texts(store)).toEqual(['one', 'two', 'three', 'four'])
    expect(store.lines.at(-1)?.stderr).toBe(true)
  })

  it('keeps the newest lines, and says how many it left out', () => {
    const store = new LogStore(3)

    store.take(told([1, 'a', '1'], [2, 'a', '2'], [3, 'a', '3']))
    store.take(told([4, 'a', '4'], [5, 'a', '5']))

    expect(texts(store)).toEqual(['3', '4', '5'])
    expect(store.dropped).toBe(2)
  })

  it('loses nothing while it is paused', () => {
    const store = new LogStore(10)
    store.take(told([1, 'a', '1']))
    store.hold()
    store.take(told([2, 'a', '2'], [3, 'a', '3']))

    expect([texts(store), store.unseen]).toEqual([['1'], 2])
    store.release()

    expect([texts(store), store.unseen]).toEqual([['1', '2', '3'], 0])
  })

  it('says what it had to leave out of a long pause', () => {
    const store = new LogStore(3)
    store.hold()
    for (let second = 1; second <= 8; second++) store.take(told([second, 'a', String(second)]))
    store.release()

    expect([texts(store), store.dropped]).toEqual([['6', '7', '8'], 5])
  })

  it('takes no line twice when the connection was lost', () => {
    const store = new LogStore()
    store.take(told([1, 'a', 'one'], [2, 'a', 'two'], [3, 'b', 'three']))

    expect(store.since()).toBe(stamp(2))
    store.take(told([2, 'a', 'two'], [3, 'b', 'three'], [3, 'b', 'of the same moment'], [0, 'b', 'long ago'], [4, 'a', 'four']))

    expect(texts(store)).toEqual(['one', 'two', 'three', 'of the same moment', 'four'])
  })

  it('does not ask for everything again because of a source that has been silent', () => {
    let now = 0
    const store = new LogStore(100, () => now)
    expect(store.since()).toBeNull()
    store.take(told([1, 'silent', 'once']))
    now = 120_000
    store.take(told([50, 'a', 'busy']))

    expect(store.since()).toBe(stamp(50))
    now = 500_000
    expect(store.since()).toBe(stamp(50))
  })

  it('knows its sources, and what was lost', () => {
    const store = new LogStore()
    const source = { key: 'a', name: 'web.1', state: 'ended', reason: null, exit_code: 3, service: 'web', task: 't', node: 'n' } as const

    store.take({ sources: { a: source } })
    store.take({ lost: 5 })
    store.take({ lost: 2 })
    store.take({ begun: true })

    expect(store.sources.get('a')).toEqual(source)
    expect([store.lost, store.begun]).toEqual([7, true])
  })
})

describe('what is shown of lines', () => {
  it('is without what a terminal would carry out', () => {
    expect(plain('\u001b[31mred\u001b[0m \u001b]0;title\u0007and \u001b[2Kplain')).toBe('red and plain')
    expect(plain('[31m')).toBe('[31m')
  })

  it('is filtered in small and capital letters', () => {
    const store = new LogStore()
    store.take(told([1, 'a', 'An Error'], [2, 'a', 'fine']))

    expect(filtered(store.lines, 'error').map((line) => line.text)).toEqual(['An Error'])
    expect(filtered(store.lines, '')).toBe(store.lines)
    expect(toText(store.lines, () => 'web.1')).toBe(`${stamp(1)} web.1 | An Error\n${stamp(2)} web.1 | fine\n`)
  })

  it('is asked for as the API takes it', () => {
    const wish = { tail: '', since: '', until: '', pattern: '', stream: '' }
    const query = (part: Partial<typeof wish>): string =>
      queryOf({ ...wish, pattern: 'a+', stream: 'stderr', ...part }).toString()

    expect(query({})).toBe('tail=500&grep=a%2B&ignore_case=true&stream=stderr')
    expect(query({ since: '15m' })).toBe('since=15m&grep=a%2B&ignore_case=true&stream=stderr')
    expect(queryOf({ ...wish, tail: '5000' }).toString()).toBe('tail=5000')
    expect(queryOf({ ...wish, until: '5m' }).toString()).toBe('until=5m')
    expect(queryOf({ ...wish, tail: '5000', since: '1h', until: '5m' }).toString()).toBe('since=1h&until=5m')
    expect(queryOf(wish, stamp(3)).toString()).toBe(`since=${encodeURIComponent(stamp(3))}`)
  })
})

describe('heights', () => {
  it('are rows of text, in which wide characters take two columns', () => {
    expect([rowsOf('', 10), rowsOf('x'.repeat(10), 10), rowsOf('x'.repeat(11), 10), rowsOf('日'.repeat(6), 10)]).toEqual([1, 1, 2, 2])
    expect(rowsOf('anything', 0)).toBe(1)
  })

  it('tell which lines are in sight', () => {
    const heights = new Heights()
    heights.set(Array.from({ length: 1000 }, (_, index) => (index % 2 ? 3 : 1)))

    expect(heights.total).toBe(2000 * ROW)
    expect(heights.top(2)).toBe(4 * ROW)
    const { start, end } = heights.visible(1000 * ROW, 40 * ROW)
    expect(start).toBeGreaterThan(480)
    expect(start).toBeLessThanOrEqual(500)
    expect(end).toBeGreaterThanOrEqual(520)
    expect(end).toBeLessThan(540)
    expect(heights.visible(0, 100)).toMatchObject({ start: 0 })
    expect(heights.visible(99_999_999, 100).end).toBe(1000)
  })

  it('are nothing without lines', () => {
    expect(new Heights().visible(0, 400)).toEqual({ start: 0, end: 0 })
  })
})
