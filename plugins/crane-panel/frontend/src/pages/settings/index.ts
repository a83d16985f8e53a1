import { Tools } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from './words'

export const entry: Entry = { path: '/settings', title: () => t('title'), group: 'system', action: 'setting:read', icon: Tools }

export const routes: RouteRecordRaw[] = [
  { path: '/settings', component: () => import('./SettingList.vue'), meta: { title: () => t('title'), action: 'setting:read' } },
]
