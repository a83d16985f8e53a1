/** The navigation: the groups, the panel's own pages, and those of plugins. */
import type { Component } from 'vue'
import { computed, shallowRef } from 'vue'
import { may } from '../caller'
import { words } from '../words'

export type Group = 'applications' | 'infrastructure' | 'images' | 'access' | 'system'

export const GROUPS: Group[] = ['applications', 'infrastructure', 'images', 'access', 'system']

export interface Entry {
  path: string
  title: () => string
  /** Null stands above the groups. */
  group: Group | null
  /** The action that whoever opens it must hold; null where everybody may. */
  action: string | null
  icon?: Component
}

export const groupTitle = words(
  {
    applications: 'Applications',
    infrastructure: 'Infrastructure',
    images: 'Images',
    access: 'Access',
    system: 'System',
  },
  { applications: '应用', infrastructure: '基础设施', images: '镜像', access: '访问控制', system: '系统' },
)

const entries = shallowRef<Entry[]>([])

/** Add entries to the navigation. */
export function addEntries(...added: Entry[]): void {
  entries.value = [...entries.value, ...added]
}

/** Return the path of the entry that a page belongs to: the longest that its own begins with. */
export function entryOf(path: string): string | undefined {
  const above = entries.value.filter((entry) => path === entry.path || path.startsWith(`${entry.path}/`))
  return above.sort((a, b) => b.path.length - a.path.length)[0]?.path
}

/** The entries that the caller may open, by group; groups without any are left out. */
export const navigation = computed(() => {
  const open = entries.value.filter((entry) => entry.action === null || may(entry.action))
  return [null, ...GROUPS]
    .map((group) => ({ group, entries: open.filter((entry) => entry.group === group) }))
    .filter((section) => section.entries.length > 0)
})
