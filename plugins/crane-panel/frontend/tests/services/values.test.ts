import { expect, test } from 'vitest'
import { joinWords, splitWords } from '../../src/pages/services/form/shell'
import { read, write } from '../../src/pages/services/form/values'
import { imageParts, shortImage } from '../../src/pages/services/image'
import { looksSecret } from '../../src/pages/services/secret'

test('words that are joined split into the same words again', () => {
  for (const words of [['sh', '-c', 'echo "a b" $X'], [''], ['it\'s', '\\', '"', 'a\nb'], ['(hidden)', '--x=y'], []]) {
    expect(splitWords(joinWords(words))).toEqual(words)
  }
})

test('words are split as in a shell', () => {
  expect(splitWords(`nginx -g "daemon off;" a\\ b 'c"d' "e\\"f" ""`)).toEqual(['nginx', '-g', 'daemon off;', 'a b', 'c"d', 'e"f', ''])
  expect(splitWords('a "b')).toBe(null)
  expect(splitWords("a 'b")).toBe(null)
  expect(splitWords('a \\')).toBe(null)
})

test('values are read as docker reads them', () => {
  expect(read('cpus', '.5')).toEqual({ value: 500_000_000 })
  expect(read('port', '0')).toEqual({ mistake: 'notPort' })
  expect(read('ratio', '0.25')).toEqual({ value: 0.25 })
  expect(read('words', 'a, b  c')).toEqual({ value: ['a', 'b', 'c'] })
  expect(read('whole', '-1')).toEqual({ mistake: 'notWhole' })
  expect(read('flag', 'false')).toEqual({ value: false })
  expect(read('duration', '')).toEqual({ value: undefined })
})

test('the test of a healthcheck is written as a Dockerfile has it', () => {
  for (const test of [['NONE'], ['CMD-SHELL', 'curl x || exit 1'], ['CMD', 'curl', '-f'], ['CMD-SHELL', '[ "$A" = 1 ]']]) {
    expect(read('test', write('test', test))).toEqual({ value: test })
  }
  expect(read('test', '["a", ')).toEqual({ mistake: 'notList' })
  expect(read('test', '[1]')).toEqual({ mistake: 'notList' })
})

test('an image is shown without its digest', () => {
  expect(shortImage('reg:5000/a/b:1@sha256:00')).toBe('reg:5000/a/b:1')
  expect(shortImage('nginx')).toBe('nginx')
  expect(imageParts('reg:5000/a/b:1@sha256:00')).toEqual(['reg:5000/a/b', ':1'])
  expect(imageParts('reg:5000/a')).toEqual(['reg:5000/a', ''])
})

test('what looks secret is what the server takes for secret', () => {
  for (const name of ['DB_PASSWORD', 'apiKey', 'MYSQL_PWD', 'AUTH_TOKEN', 'dbpass']) expect(looksSecret(name)).toBe(true)
  for (const name of ['DB_PASSWORD_FILE', 'KEYBOARD', 'PUBLIC_KEY', 'PATH', 'COMPASS_X', '']) expect(looksSecret(name)).toBe(false)
})
