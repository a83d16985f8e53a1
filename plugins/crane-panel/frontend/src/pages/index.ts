/** All pages: those of the panel itself, and those that plugins add. */
import type { RouteRecordRaw } from 'vue-router'
import { addEntries, type Entry } from '../frame/navigation'
import { router } from '../router'
import * as access from './access'
import * as containers from './containers'
import * as dashboard from './dashboard'
import * as images from './images'
import * as data from './data'
import * as engines from './engines'
import * as doctor from './doctor'
import * as events from './events'
import * as login from './login'
import * as logs from './logs'
import * as monitoring from './monitoring'
import * as networks from './networks'
import * as nodes from './nodes'
import * as operations from './operations'
import * as plans from './plans'
import * as profile from './profile'
import * as plugins from './plugins'
import * as recordings from './recordings'
import { loadPluginPages } from './plugin-pages'
import * as services from './services'
import * as settings from './settings'
import * as setup from './setup'
import * as stacks from './stacks'
import * as swarm from './swarm'
import * as tasks from './tasks'
import * as volumes from './volumes'
import * as terminal from './terminal'

/** What each folder of pages exports. */
export interface Section {
  /** Several for folders of several subjects, null for pages that are only linked to. */
  entry: Entry | Entry[] | null
  routes: RouteRecordRaw[]
}

const SECTIONS: Section[] = [
  dashboard,
  stacks,
  services,
  tasks,
  logs,
  terminal,
  nodes,
  monitoring,
  swarm,
  containers,
  images,
  volumes,
  networks,
  data,
  engines,
  access,
  operations,
  events,
  recordings,
  doctor,
  plans,
  plugins,
  settings,
  login,
  setup,
  profile,
]

/** Make all pages known to the router and the navigation. */
export async function addPages(): Promise<void> {
  for (const section of SECTIONS) {
    for (const route of section.routes) router.addRoute(route)
    if (section.entry) addEntries(...[section.entry].flat())
  }
  fetchCode(location.pathname)
  await loadPluginPages()
}

/** Let the code of a page come while it is still found out who looks at it. */
function fetchCode(address: string): void {
  for (const { components } of router.resolve(address).matched) {
    const page = components?.['default']
    // When it fails, whoever opens the page is told.
    if (typeof page === 'function') void (page as () => Promise<unknown>)().catch(() => undefined)
  }
}
