import { describe, expect, test } from 'vitest'
import { parseEnv } from '../../src/pages/stacks/env'
import { asked, attach, freeName, kindOf, pathFor, profilesIn, referred } from '../../src/pages/stacks/files'
import { isStackName, nameFrom } from '../../src/pages/stacks/names'

describe('names of stacks', () => {
  test.each(['a', 'shop', 'Shop_2-b', 'a'.repeat(63)])('%s is one', (name) => expect(isStackName(name)).toBe(true))
  test.each(['', '-a', 'a-', '_a', 'a b', 'ä', 'a.b', 'a'.repeat(64), 'a\n'])('%j is none', (name) =>
    expect(isStackName(name)).toBe(false),
  )

  test.each([
    ['shop.yml', 'shop'],
    ['Shop (1).YAML', 'Shop-1'],
    ['my.shop.json', 'my-shop'],
    ['compose.yml', ''],
    ['docker-compose.prod.yml', ''],
    ['stack.yml', ''],
    ['stackoverflow.yml', 'stackoverflow'],
    ['__.yml', ''],
  ])('the file %s gives %j', (file, name) => expect(nameFrom(file)).toBe(name))
})

describe('files of variables', () => {
  test('are read as crane stack deploy --env-file does', () => {
    const text = '\uFEFF# comment\nA=1\r\n export B = two words \nC="quoted # no comment"\nD=\'x\'\nE=\nF=a=b\n\nG="open\n'
    expect(parseEnv(text)).toEqual({
      variables: { A: '1', B: 'two words', C: 'quoted # no comment', D: 'x', E: '', F: 'a=b', G: '"open' },
      wrong: [],
    })
  })

  test('tell which lines are no variable', () => {
    expect(parseEnv('A=1\njust words\n=x\n1B=2\n')).toEqual({ variables: { A: '1' }, wrong: [2, 3, 4] })
  })
})

describe('what a file is', () => {
  test.each([
    ['stack.yml', 'stack'],
    ['compose.prod.YAML', 'stack'],
    ['app.dab', 'stack'],
    ['.env', 'variables'],
    ['prod.env', 'variables'],
    ['.env.prod', 'variables'],
    ['site.conf', 'attachment'],
  ])('%s is %s by its name', (name, kind) => expect(kindOf(name, [])).toBe(kind))

  test('what a stack file refers to is what it says', () => {
    expect(kindOf('web.env', ['./web.env'])).toBe('attachment')
    expect(kindOf('base.yml', ['common/base.yml'])).toBe('attachment')
  })

  test('a path is found by its last part, if there is only one', () => {
    expect(pathFor('a.txt', ['./secrets/a.txt', 'b.txt'])).toBe('./secrets/a.txt')
    expect(pathFor('a.txt', ['x/a.txt', 'y/a.txt'])).toBeNull()
    expect(pathFor('a.txt', [])).toBeNull()
  })
})

describe('what is sent of a file', () => {
  test('text stays text, with its marks', () => {
    expect(attach(new TextEncoder().encode('\uFEFFgrün\n'))).toEqual({ content: '\uFEFFgrün\n', encoding: 'text' })
  })

  test('the rest is base64, of any size', () => {
    expect(attach(new Uint8Array([0xff, 0x00]))).toEqual({ content: '/wA=', encoding: 'base64' })
    expect(attach(new Uint8Array([0x61, 0x00]))).toEqual({ content: 'YQA=', encoding: 'base64' })
    const large = attach(new Uint8Array(200_000).fill(0xff))
    expect(atob(large.content)).toHaveLength(200_000)
  })
})

test('files still to come stand before those that are there', () => {
  const path = (name: string, optional = false) => ({ path: name, written: name, kind: 'config', optional })
  const known = new Map([['a', path('a')]])
  expect(referred([path('b'), path('c', true)], known, new Map([['a', 3], ['old', 5]]))).toEqual([
    { path: 'b', kind: 'config', optional: false, size: null },
    { path: 'c', kind: 'config', optional: true, size: null },
    { path: 'a', kind: 'config', optional: false, size: 3 },
    { path: 'old', kind: null, optional: true, size: 5 },
  ])
})

test('only variables that a file names are sent', () => {
  expect(asked({ TAG: '1', TOKEN: 's3cret' }, ['image: nginx:${TAG}', 'OTHER'])).toEqual({ TAG: '1' })
})

test('a name is made one that no other file has', () => {
  expect(freeName('stack.yml', [])).toBe('stack.yml')
  expect(freeName('stack.yml', ['stack.yml', 'stack.2.yml'])).toBe('stack.3.yml')
  expect(freeName('noending', ['noending'])).toBe('noending.2')
})

test('profiles are found in brackets and in lists', () => {
  const text = `services:
  a:
    profiles: [debug, "full"] # both
  b:
    profiles:
      - debug
      # comment
      - 'metrics'
    command:
      - not
  c:
    profiles:
    - left
    image: x
`
  expect(profilesIn([text, 'services: {}'])).toEqual(['debug', 'full', 'metrics', 'left'])
})
