import type { RouteRecordRaw } from 'vue-router'
import { t } from '../titles'

export const entry = null

export const routes: RouteRecordRaw[] = [
  { path: '/setup', component: () => import('./SetupPage.vue'), meta: { title: () => t('setup'), bare: true, open: true } },
  { path: '/welcome', component: () => import('./WelcomePage.vue'), meta: { title: () => t('welcome') } },
]
