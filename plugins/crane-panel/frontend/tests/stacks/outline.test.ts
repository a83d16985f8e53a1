import { describe, expect, test } from 'vitest'
import { indentAfter, keysOf, pathOfLine, placeAt, schemaAt, suggest, type Place, type Schema } from '../../src/pages/stacks/outline'

/** The place of the cursor, which stands where the bar is. */
function at(text: string): Place | null {
  return placeAt(text.replace('|', ''), text.indexOf('|'))
}

const SCHEMA: Schema = {
  properties: {
    services: {
      type: 'object',
      additionalProperties: {
        type: ['object'],
        properties: {
          image: { type: 'string', description: 'The image.' },
          links: { description: 'Ignored. Services find each other by name.' },
          init: { type: 'boolean' },
          networks: { type: ['object', 'array', 'null'], additionalProperties: { properties: { aliases: { type: ['array'] } } }, items: { type: 'string' } },
          configs: { type: ['array'], items: { type: ['object', 'string'], properties: { source: { type: 'string' }, target: { type: 'string' } } } },
          ports: { type: ['array', 'null'], items: { properties: { target: { type: 'integer' }, mode: { type: 'string' } } } },
          deploy: {
            type: ['object', 'null'],
            properties: {
              replicas: { type: 'integer' },
              update_config: { type: ['object'], properties: { order: { type: 'string', enum: ['start-first', 'stop-first'] } } },
            },
          },
        },
      },
    },
    networks: { type: ['object'], additionalProperties: { properties: { driver: { type: 'string' } } } },
  },
}

function labels(text: string): string[] {
  const place = at(text)
  return place ? suggest(SCHEMA, place, text.replace('|', '')).map((each) => each.label) : []
}

describe('where the cursor stands', () => {
  test('at the beginning of a file', () => {
    expect(at('|')).toEqual({ path: [], kind: 'key', typed: '', column: 0, beside: [] })
  })

  test('below keys, by indentation', () => {
    expect(at('services:\n  web:\n    image: a\n    de|')).toEqual({
      path: ['services', 'web'],
      kind: 'key',
      typed: 'de',
      column: 4,
      beside: ['image'],
    })
  })

  test('with keys before and after, but not those of a neighbour', () => {
    const text = 'services:\n  web:\n    image: a\n    |\n    ports: []\n  db:\n    init: true\n'
    expect(at(text)!.beside).toEqual(['image', 'ports'])
  })

  test('back at a shallower depth', () => {
    expect(at('services:\n  web:\n    deploy:\n      replicas: 2\n  |')!.path).toEqual(['services'])
    expect(at('services:\n  web:\n    deploy:\n      replicas: 2\n|')!.path).toEqual([])
  })

  test('in an item of a list, on its first line and on the next', () => {
    expect(at('services:\n  web:\n    ports:\n      - ta|')!.path).toEqual(['services', 'web', 'ports', '*'])
    expect(at('services:\n  web:\n    ports:\n      - target: 80\n        mo|')).toEqual({
      path: ['services', 'web', 'ports', '*'],
      kind: 'key',
      typed: 'mo',
      column: 8,
      beside: ['target'],
    })
  })

  test('in a list that stands as far left as its key', () => {
    expect(at('services:\n  web:\n    ports:\n    - |')!.path).toEqual(['services', 'web', 'ports', '*'])
    expect(at('services:\n  web:\n    ports:\n    - target: 80\n      |')!.path).toEqual(['services', 'web', 'ports', '*'])
  })

  test('not with the keys of another item', () => {
    expect(at('ports:\n  - target: 80\n  - |\n  - mode: host\n')!.beside).toEqual([])
  })

  test('in a value', () => {
    expect(at('services:\n  web:\n    deploy:\n      update_config:\n        order: st|')).toMatchObject({
      path: ['services', 'web', 'deploy', 'update_config', 'order'],
      kind: 'value',
      typed: 'st',
    })
  })

  test('over blank lines and comments', () => {
    expect(at('services:\n\n  # those of the shop\n  web:\n\n    |')!.path).toEqual(['services', 'web'])
  })

  test('below an anchor, but not below a value or inside a text', () => {
    expect(at('services:\n  web: &web\n    |')!.path).toEqual(['services', 'web'])
    expect(at('services:\n  web:\n    image: nginx\n      |')).toBeNull()
    expect(at('configs:\n  site:\n    content: >-\n      wo|')).toBeNull()
  })

  test('nowhere in comments, brackets and texts with spaces', () => {
    expect(at('services: # he|')).toBeNull()
    expect(at('services:\n  web:\n    ports: [80|')).toBeNull()
    expect(at('services:\n  web:\n    command: run this|')).toBeNull()
  })

  test('by quoted keys', () => {
    expect(at('"services":\n  \'we b\':\n    |')!.path).toEqual(['services', 'we b'])
  })
})

describe('what may be written there', () => {
  test('the keys that are not there yet', () => {
    expect(labels('services:\n  web:\n    image: a\n    |')).toEqual(['links', 'init', 'networks', 'configs', 'ports', 'deploy'])
  })

  test('what the Swarm ignores is said to be', () => {
    const place = at('services:\n  web:\n    |')!
    const links = suggest(SCHEMA, place, '').find((each) => each.label === 'links')!
    expect(links).toMatchObject({ ignored: true, description: 'Services find each other by name.' })
  })

  test('keys are opened as what comes after them demands', () => {
    const inserts = Object.fromEntries(
      suggest(SCHEMA, at('services:\n  web:\n    |')!, '').map((each) => [each.label, each.insert]),
    )
    expect(inserts).toMatchObject({ image: 'image: ', deploy: 'deploy:\n      ', ports: 'ports:\n      - ' })
  })

  test('the values that there are', () => {
    expect(labels('services:\n  web:\n    deploy:\n      update_config:\n        order: |')).toEqual(['start-first', 'stop-first'])
    expect(labels('services:\n  web:\n    init: |')).toEqual(['true', 'false'])
    expect(labels('services:\n  web:\n    image: |')).toEqual([])
  })

  test('names that the file gives, where a service refers to them', () => {
    const below = '\nnetworks:\n  front:\n    driver: overlay\n  back: {}\nconfigs:\n  site: {file: a}\n'
    expect(labels(`services:\n  web:\n    networks:\n      - |${below}`)).toEqual(['front', 'back'])
    expect(labels(`services:\n  web:\n    networks:\n      front:\n      |${below}`)).toEqual(['back'])
    expect(labels(`services:\n  web:\n    configs:\n      - source: |${below}`)).toEqual(['site'])
  })

  test('nothing where the schema knows nothing', () => {
    expect(labels('x-mine:\n  |')).toEqual([])
    expect(labels('services:\n  constructor:\n    toString:\n      |')).toEqual([])
  })
})

test('the key of a line is found for what it means', () => {
  const text = 'services:\n  web:\n    image: nginx\n    ports:\n      - target: 80\n'
  expect(pathOfLine(text, 2)).toEqual(['services', 'web', 'image'])
  expect(pathOfLine(text, 4)).toEqual(['services', 'web', 'ports', '*', 'target'])
  expect(schemaAt(SCHEMA, pathOfLine(text, 2)!)!.description).toBe('The image.')
  expect(pathOfLine(text, 5)).toBeNull()
})

test('the keys of a section are those of its first depth', () => {
  expect(keysOf('a:\n  x: 1\nnetworks:\n    one:\n      driver: overlay\n    two:\nb:\n  y: 2\n', 'networks')).toEqual(['one', 'two'])
})

test.each([
  ['services:', 2],
  ['  web:', 4],
  ['  web: &anchor # of all', 4],
  ['    image: nginx', 4],
  ['      - target: 80', 8],
  ['      - bind:', 10],
  ['      - "8080:80"', 6],
  ['    content: |-', 6],
  ['    free text', 4],
  ['    ', 4],
  ['', 0],
])('after %j a line is indented by %i', (line, column) => expect(indentAfter(line)).toBe(column))
