import type { RouteRecordRaw } from 'vue-router'
import { t } from '../titles'

export const entry = null

export const routes: RouteRecordRaw[] = [
  { path: '/login', component: () => import('./LoginPage.vue'), meta: { title: () => t('login'), bare: true, open: true } },
]
