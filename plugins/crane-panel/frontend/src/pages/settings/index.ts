import { Tools } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/settings', title: () => t('settings'), group: 'system', action: 'setting:read', icon: Tools }

export const routes: RouteRecordRaw[] = [
  // One setting is shown above the list, which stays as it is meanwhile.
  {
    path: '/settings/:name?',
    component: () => import('./SettingList.vue'),
    props: true,
    meta: { title: () => t('settings'), action: 'setting:read', key: '/settings' },
  },
]
