import { afterEach, describe, expect, it } from 'vitest'
import { addressOf, isPanelAddress, patternOf } from '../../src/pages/plugin-pages/page'
import { fillAddress, fillText, memberOf, placesOf, textOf, textsOf, toColumn } from '../../src/pages/plugin-pages/values'
import { setLanguage } from '../../src/words'

const ITEM = { name: 'web', Spec: { Name: 'inner', Labels: { 'a.b': 'x' } }, size: 2048, tags: ['a', 1, true], on: false }
const read = (name: string): unknown => memberOf(ITEM, name)

afterEach(() => setLanguage('en'))

describe('a member', () => {
  it('is found by a dotted path', () => {
    expect(memberOf(ITEM, 'name')).toBe('web')
    expect(memberOf(ITEM, 'Spec.Name')).toBe('inner')
    expect(memberOf(ITEM, 'Spec.None.Name')).toBeUndefined()
    expect(memberOf(ITEM, 'name.length')).toBeUndefined()
    expect(memberOf(ITEM, 'constructor')).toBeUndefined()
    expect(memberOf(null, 'name')).toBeUndefined()
  })

  it('is read as text', () => {
    expect(textOf(undefined)).toBe('')
    expect(textOf(12345)).toBe('12,345')
    expect(textOf(true)).toBe('Yes')
    expect(textOf(ITEM.tags)).toBe('a, 1, Yes')
    expect(textOf({ a: 1 })).toBe('{\n "a": 1\n}')
    expect(textsOf(ITEM.tags)).toEqual(['a', '1', 'Yes'])
    expect(textsOf('one')).toEqual(['one'])
    expect(textsOf(null)).toEqual([])
    setLanguage('zh-CN')
    expect(textOf(false)).toBe('否')
  })
})

describe('filling in', () => {
  it('percent-encodes what goes into an address', () => {
    expect(fillAddress('/api/v1/x/{name}/{Spec.Name}', read)).toBe('/api/v1/x/web/inner')
    expect(fillAddress('/x/{a}?q={b}', (name) => ({ a: 'a/b?c#d', b: 'é &' })[name])).toBe('/x/a%2Fb%3Fc%23d?q=%C3%A9%20%26')
    expect(fillAddress('/x/{size}', () => 1234567)).toBe('/x/1234567')
  })

  it.each([undefined, null, '', '.', '..'])('makes no address of %j', (value) => {
    expect(fillAddress('/api/v1/freezes/{name}', () => value)).toBeNull()
  })

  it('puts members into a sentence, as they are read', () => {
    expect(fillText('Remove {name} ({size})? {none} {Spec.Name}', ITEM)).toBe('Remove web (2,048)? {none} inner')
    expect(fillText('Really?', null)).toBe('Really?')
    expect(placesOf('/x/{name}/{Spec.Name}')).toEqual(['name', 'Spec.Name'])
  })
})

describe('a column', () => {
  const column = (member: string, kind: 'text' | 'number' | 'bytes' | 'moment' | 'state' | 'list' = 'text') =>
    toColumn({ member, title: 'Title', kind, link: '' }, 1, false)

  it('is sorted by its value, and read as its kind is', () => {
    expect([column('size', 'bytes').value(ITEM), column('size', 'bytes').text!(ITEM)]).toEqual([2048, '2 KiB'])
    expect([column('size', 'number').value(ITEM), column('size', 'number').text!(ITEM)]).toEqual([2048, '2,048'])
    expect([column('tags', 'list').value(ITEM), column('tags', 'list').text!(ITEM)]).toEqual(['a, 1, Yes', 'a, 1, Yes'])
    expect([column('none').value(ITEM), column('none').text!(ITEM)]).toEqual([null, ''])
    expect(column('on').value(ITEM)).toBe(false)
  })

  it('of figures stands to the right; what matters most stays where there is little room', () => {
    expect(column('size', 'bytes').align).toBe('right')
    expect(column('name').align).toBeUndefined()
    expect(column('name').narrow).toBe(false)
    expect(column('state', 'state').narrow).toBe(true)
    expect(toColumn({ member: 'name', title: '', kind: 'text', link: '' }, 0, true)).toMatchObject({
      narrow: true,
      unsorted: true,
    })
  })
})

describe('the path of a page', () => {
  it('is an address of the panel, or one that the server answers itself', () => {
    expect(['/notes', '/a/b.c', '/apis', '/冻结'].filter((path) => !isPanelAddress(addressOf(path)))).toEqual([])
    expect(
      ['/api', '/api/v1/x', '/assets/x', '/metrics', '/favicon.ico', '/v1.2/x', '/x/../api'].filter((path) =>
        isPanelAddress(addressOf(path)),
      ),
    ).toEqual([])
  })

  it('stands for itself', () => {
    expect(patternOf('/a:b')).toBe('/a\\:b')
    expect(addressOf('/冻结')).toBe('/%E5%86%BB%E7%BB%93')
  })
})
