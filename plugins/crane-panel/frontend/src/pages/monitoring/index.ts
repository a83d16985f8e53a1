import { DataLine } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/monitoring', title: () => t('monitoring'), group: 'infrastructure', action: 'service:read', icon: DataLine }

export const routes: RouteRecordRaw[] = [
  { path: '/monitoring', component: () => import('./UsagePage.vue'), meta: { title: () => t('monitoring'), action: 'service:read' } },
]
