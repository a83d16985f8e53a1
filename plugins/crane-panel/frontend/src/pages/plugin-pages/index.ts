/** Pages that plugins add: described by data, or as a module. */
import { Document } from '@element-plus/icons-vue'
import { shallowRef } from 'vue'
import type { RouteLocationNormalized, RouteRecordRaw } from 'vue-router'
import { api, ask } from '../../api/client'
import { addEntries } from '../../frame/navigation'
import { router } from '../../router'
import { language } from '../../words'
import { addressOf, inLanguage, isPanelAddress, patternOf, type Page } from './page'

const offered = shallowRef<ReadonlySet<string>>(new Set())

/** Tell whether some plugin offers a page of this path to the caller, and with it what the page is about. */
export function hasPluginPage(path: string): boolean {
  return offered.value.has(path)
}

/** Make the pages of plugins known to the router and the navigation. */
export async function loadPluginPages(): Promise<void> {
  const { items } = await ask(api.GET('/api/v1/pages', { params: { query: { limit: 1000 } } }))
  // Plugins do not get into each other's way: no two pages have the same path.
  const free = items.filter(isFree)
  offered.value = new Set(free.map((page) => page.path))
  for (const page of free) {
    router.addRoute(routeOf(page))
    addEntries({
      path: addressOf(page.path),
      title: () => inLanguage(page, language.value).title,
      group: page.group,
      action: page.action,
      icon: Document,
    })
  }
}

function isFree(page: Page): boolean {
  const address = addressOf(page.path)
  if (isPanelAddress(address) && router.resolve(address).name === 'not-found') return true
  console.warn(
    `The page ${page.title} of the plugin ${page.plugin} is not shown: ${page.path} is an address of Crane's own.`,
  )
  return false
}

function routeOf(page: Page): RouteRecordRaw {
  const address = addressOf(page.path)
  const pattern = patternOf(address)
  return {
    // Everything below it belongs to a module as well.
    path: page.module ? `${pattern}/:rest(.*)*` : pattern,
    component: () => import('./PluginPage.vue'),
    props: (route) => ({ page: inLanguage(page, language.value), rest: restOf(route) }),
    meta: { title: () => inLanguage(page, language.value).title, action: page.action, key: address },
  }
}

function restOf(route: RouteLocationNormalized): string {
  const rest = route.params['rest']
  return Array.isArray(rest) ? rest.join('/') : (rest ?? '')
}
