import { Document } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/logs', title: () => t('logs'), group: 'applications', action: 'service:read-logs', icon: Document }

export const routes: RouteRecordRaw[] = [
  { path: '/logs', component: () => import('./LogPage.vue'), meta: { title: () => t('logs'), action: 'service:read-logs' } },
]
