import type { RouteRecordRaw } from 'vue-router'
import { t } from '../titles'

export const entry = null

export const routes: RouteRecordRaw[] = [
  { path: '/profile', component: () => import('./ProfilePage.vue'), meta: { title: () => t('profile') } },
]
