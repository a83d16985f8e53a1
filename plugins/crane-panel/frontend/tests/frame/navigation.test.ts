import { beforeEach, describe, expect, it } from 'vitest'
import { caller } from '../../src/caller'
import { addEntries, entryOf, GROUPS, groupTitle, navigation, type Entry } from '../../src/frame/navigation'
import { setLanguage } from '../../src/words'

const entry = (path: string, group: Entry['group'] = null, action: string | null = null): Entry => ({
  path,
  title: () => path,
  group,
  action,
})

addEntries(
  entry('/'),
  entry('/services', 'applications', 'service:read'),
  entry('/nodes', 'infrastructure', 'node:read'),
  entry('/notes', 'applications', 'note:read'),
  entry('/notes/board', 'system'),
)

beforeEach(() => {
  caller.value = { name: 'ann', kind: 'user', version: '1', actions: ['service:read', 'note:read'] } as never
})

describe('the navigation', () => {
  it('has what the caller may open, in its groups', () => {
    expect(navigation.value.map((section) => [section.group, section.entries.map((each) => each.path)])).toEqual([
      [null, ['/']],
      ['applications', ['/services', '/notes']],
      ['system', ['/notes/board']],
    ])
  })

  it('follows what the caller may', () => {
    caller.value = { ...caller.value!, actions: ['node:read'] }

    expect(navigation.value.map((section) => section.group)).toEqual([null, 'infrastructure', 'system'])
  })

  it('names its groups in both languages', () => {
    expect(GROUPS.map((group) => groupTitle(group))).not.toContain('')
    setLanguage('zh-CN')
    expect(groupTitle('images')).toBe('镜像')
    setLanguage('en')
  })

  it('knows which entry a page belongs to', () => {
    expect(entryOf('/')).toBe('/')
    expect(entryOf('/services')).toBe('/services')
    expect(entryOf('/services/shop_web')).toBe('/services')
    expect(entryOf('/notes/board/1')).toBe('/notes/board')
    expect(entryOf('/servicesx')).toBeUndefined()
  })
})
