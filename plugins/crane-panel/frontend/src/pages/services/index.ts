import { Grid } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from './words'

export const entry: Entry = { path: '/services', title: () => t('title'), group: 'applications', action: 'service:read', icon: Grid }

export const routes: RouteRecordRaw[] = [
  { path: '/services', component: () => import('./ServiceList.vue'), meta: { title: () => t('title'), action: 'service:read' } },
]
