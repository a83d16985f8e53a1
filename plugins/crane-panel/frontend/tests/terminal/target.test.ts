import { describe, expect, it } from 'vitest'
import { pageOf, readTarget, splitWords, terminalPath, ticketsOf } from '../../src/pages/terminal/target'

describe('what a terminal is opened in', () => {
  it('stands in the address', () => {
    expect(readTarget('service/shop_web')).toEqual({ kind: 'service', name: 'shop_web' })
    expect(readTarget('container/node2/box')).toEqual({ kind: 'container', name: 'node2/box' })
    expect(terminalPath({ kind: 'container', name: 'node2/box' })).toBe('/terminal?open=container%2Fnode2%2Fbox')
  })

  it.each(['', 'service', 'service/', '/x', 'node/x', 'constructor/x'])('is nothing in %j', (text) => {
    expect(readTarget(text)).toBeNull()
  })

  it('has tickets and a page', () => {
    const box = { kind: 'container', name: 'node 2/box' } as const
    expect(ticketsOf(box)).toBe('/api/v1/containers/node%202%2Fbox/terminal-tickets')
    expect(pageOf(box)).toBe('/containers/node%202%2Fbox')
  })
})

describe('a command', () => {
  it.each([
    ['', []],
    ['  sh  ', ['sh']],
    ['sh -c "echo $HOME; ls"', ['sh', '-c', 'echo $HOME; ls']],
    [`echo 'a "b"' "c 'd'" e\\ f ""`, ['echo', 'a "b"', "c 'd'", 'e f', '']],
    ['echo "a\\"b"', ['echo', 'a"b']],
    ['a"b"c', ['abc']],
    ['echo "open', null],
    ["echo 'open", null],
  ])('%j is taken apart', (line, wanted) => {
    expect(splitWords(line)).toEqual(wanted)
  })
})
