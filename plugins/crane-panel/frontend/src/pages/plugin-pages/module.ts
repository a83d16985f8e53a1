/** Loading pages that are modules. */
import { markRaw, type Component } from 'vue'
import { makeContext, type PanelContext } from './context'
import type { Page } from './page'
import { t } from './words'

export type Importer = (url: string) => Promise<{ default?: unknown }>

const loaded = new Map<string, Promise<Component>>()
const failures = new Map<string, number>()
const importModule: Importer = (url) => import(/* @vite-ignore */ url) as Promise<{ default?: unknown }>

/** Return the component of a page; its module is loaded once, and again only after it failed. */
export function loadComponent(page: Page, importer: Importer = importModule): Promise<Component> {
  const url = page.module ?? ''
  const known = loaded.get(url)
  if (known) return known
  const loading = load(page, url, importer).catch((error: unknown) => {
    loaded.delete(url)
    failures.set(url, (failures.get(url) ?? 0) + 1)
    throw error
  })
  loaded.set(url, loading)
  return loading
}

async function load(page: Page, url: string, importer: Importer): Promise<Component> {
  // Browsers remember that a module failed; by another address it is another module.
  const tries = failures.get(url) ?? 0
  const { default: make } = await importer(tries === 0 ? url : `${url}${url.includes('?') ? '&' : '?'}again=${tries}`)
  if (typeof make !== 'function') throw new Error(t('noFunction', { module: url }))
  const made: unknown = await (make as (context: PanelContext) => unknown)(makeContext(page))
  if (!isComponent(made)) throw new Error(t('noComponent', { module: url }))
  return markRaw(made)
}

function isComponent(made: unknown): made is Component {
  return typeof made === 'function' || (typeof made === 'object' && made !== null)
}
