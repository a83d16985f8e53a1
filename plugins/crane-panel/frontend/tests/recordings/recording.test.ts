import { expect, it } from 'vitest'
import { lasting, parse, sizeOf } from '../../src/pages/recordings/recording'

const HEAD = '{"version": 2, "width": 100, "height": 30}'

it('a recording is what was printed and how large its screen was, with long pauses shortened', () => {
  const file = [HEAD, '[0.5, "o", "one"]', '[60.5, "r", "120x40"]', '[61, "o", "two"]', '[61.5, "m", "ended"]', ''].join('\n')

  expect(parse(file)).toEqual({
    columns: 100,
    rows: 30,
    steps: [
      { at: 0.5, kind: 'o', text: 'one' },
      { at: 2.5, kind: 'r', text: '120x40' },
      { at: 3, kind: 'o', text: 'two' },
    ],
    seconds: 3.5,
  })
  expect(sizeOf('120x40')).toEqual([120, 40])
})

it('half a line, of a terminal that is still open, is passed over', () => {
  expect(parse(`${HEAD}\n[0.5, "o", "one"]\n[0.7, "o", "tw`).steps).toHaveLength(1)
})

it('how long it is is written as players do', () => {
  expect([0.4, 61, 3725].map(lasting)).toEqual(['0:00:00', '0:01:01', '1:02:05'])
})
