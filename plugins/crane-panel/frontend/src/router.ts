/** Which address shows which page. */
import { nextTick, watchEffect } from 'vue'
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { may } from './caller'
import { t } from './frame/words'

declare module 'vue-router' {
  interface RouteMeta {
    /** What the tab of the browser says. */
    title?: (parameters: Record<string, string>) => string
    /** The action that whoever opens it must hold. */
    action?: string
    /** While this stays the same the page stays, whatever becomes of the address; the path unless given. */
    key?: string
    /** It stands alone, without the frame. */
    bare?: boolean
    /** Whoever has not logged in may open it. */
    open?: boolean
  }
}

const frame: RouteRecordRaw[] = [
  { path: '/:address(.*)*', name: 'not-found', component: () => import('./frame/NotFound.vue'), meta: { title: () => t('notFound') } },
]

export const router = createRouter({
  history: createWebHistory(),
  routes: frame,
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

/** Tell whether the caller may open what a route shows. */
export function mayOpen(action: string | undefined): boolean {
  return action === undefined || may(action)
}

// Also when the language changes.
watchEffect(() => {
  const { params, meta } = router.currentRoute.value
  const title = meta.title?.(Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])))
  document.title = title ? `${title} · Crane` : 'Crane'
})

router.afterEach((to, from) => {
  if (to.path === from.path || from.matched.length === 0) return
  // Whoever reads with a screen reader or the keyboard is at the top of the new page, not where the old link was.
  void nextTick(() => document.getElementById('content')?.focus({ preventScroll: true }))
})
