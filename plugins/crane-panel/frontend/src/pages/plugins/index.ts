import { Connection } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/plugins', title: () => t('plugins'), group: 'system', action: 'plugin:read', icon: Connection }

export const routes: RouteRecordRaw[] = [
  { path: '/plugins', component: () => import('./PluginList.vue'), meta: { title: () => t('plugins'), action: 'plugin:read' } },
  {
    path: '/plugins/:name',
    component: () => import('./PluginDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'plugin:read' },
  },
]
