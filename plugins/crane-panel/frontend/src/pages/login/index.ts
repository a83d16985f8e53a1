import type { RouteRecordRaw } from 'vue-router'
import { t } from './words'

export const entry = null

export const routes: RouteRecordRaw[] = [
  { path: '/login', component: () => import('./LoginPage.vue'), meta: { title: () => t('title'), bare: true, open: true } },
]
