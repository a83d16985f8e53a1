import { describe, expect, it } from 'vitest'
import { together } from '../../src/pages/logs/past'
import { isBackwards, readMoment, writeMoment } from '../../src/pages/logs/span'

const NOW = new Date(2026, 4, 4, 15, 0, 0)

/** Return a moment on the clock of whatever machine runs this, as the API takes it. */
function local(...parts: [number, number, number, number?, number?, number?]): string {
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts
  return new Date(year, month - 1, day, hour, minute, second).toISOString().replace('.000Z', 'Z')
}

describe('a moment', () => {
  it('is how long ago, a time of today, or a date', () => {
    const read = (text: string): string | null => readMoment(text, NOW)

    expect([read(''), read(' 15m '), read('2 h')]).toEqual(['', '15m', '2h'])
    expect([read('14:30'), read('9:05:30')]).toEqual([local(2026, 5, 4, 14, 30), local(2026, 5, 4, 9, 5, 30)])
    expect([read('2026-05-03'), read('2026-5-3 7:00')]).toEqual([local(2026, 5, 3), local(2026, 5, 3, 7)])
    expect(read('2026-05-03T07:00:01')).toBe(local(2026, 5, 3, 7, 0, 1))
    expect(read('2026-05-03T07:00:00+02:00')).toBe('2026-05-03T05:00:00Z')
  })

  it('is none that no clock or calendar has', () => {
    for (const text of ['soon', '15', '15x', '24:00', '12:60', '2026-02-30', '2026-13-01', '2026-05-03T07:00:00+2', '2026-13-03T07:00:00Z']) {
      expect([text, readMoment(text, NOW)]).toEqual([text, null])
    }
  })

  it('is written as it can be read again', () => {
    for (const text of ['', '15m', '2026-05-03 07:00', '2026-05-03 07:00:09']) expect(writeMoment(readMoment(text, NOW)!)).toBe(text)
    expect(writeMoment('whatever a link says')).toBe('whatever a link says')
  })
})

describe('a range', () => {
  it('does not end before it begins', () => {
    const backwards = (since: string, until: string): boolean => isBackwards({ tail: '', since, until }, NOW)

    expect([backwards('1h', '5m'), backwards('5m', '1h')]).toEqual([false, true])
    expect([backwards(local(2026, 5, 4, 14, 50), '5m'), backwards(local(2026, 5, 4, 14, 56), '5m')]).toEqual([false, true])
    expect([backwards('', '5m'), backwards('5m', '')]).toEqual([false, false])
  })
})

describe('what is read once', () => {
  it('is told as what is followed', () => {
    const source = { key: 'abc', name: 'web.1', state: 'ended', task: 'abcdef', container: 'c1' }
    const line = { time: 't1', name: 'web.1', task: 'abcdef', container: 'c1', stream: 'stderr', line: 'broken' }
    const lone = { time: 't2', name: 'lone', task: null, container: 'c2', stream: 'stdout', line: 'fine' }

    expect(together([JSON.stringify({ source }), JSON.stringify(line), '', JSON.stringify(lone), JSON.stringify({ lost: 3 })])).toEqual({
      sources: { abcdef: source },
      lines: [['t1', 'abcdef', 2, 'broken'], ['t2', 'c2', 1, 'fine']],
      lost: 3,
    })
  })
})
