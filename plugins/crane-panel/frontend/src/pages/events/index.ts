import { Bell } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/events', title: () => t('events'), group: 'system', action: 'event:read', icon: Bell }

export const routes: RouteRecordRaw[] = [
  { path: '/events', component: () => import('./EventsPage.vue'), meta: { title: () => t('events'), action: 'event:read' } },
]
