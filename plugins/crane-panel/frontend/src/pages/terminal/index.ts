import type { RouteRecordRaw } from 'vue-router'
import { t } from '../titles'

export const entry = null

export const routes: RouteRecordRaw[] = [
  // Who may open a terminal where is a matter of each; the server decides on it.
  { path: '/terminal', component: () => import('./TerminalPage.vue'), meta: { title: () => t('terminal'), key: '/terminal' } },
]
