import { Monitor } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/nodes', title: () => t('nodes'), group: 'infrastructure', action: 'node:read', icon: Monitor }

export const routes: RouteRecordRaw[] = [
  { path: '/nodes', component: () => import('./NodesPage.vue'), meta: { title: () => t('nodes'), action: 'node:read' } },
  {
    path: '/nodes/:name',
    component: () => import('./NodeDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'node:read' },
  },
]
