import { Operation } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from './words'

export const entry: Entry = { path: '/operations', title: () => t('title'), group: 'system', action: 'operation:read', icon: Operation }

export const routes: RouteRecordRaw[] = [
  { path: '/operations', component: () => import('./OperationList.vue'), meta: { title: () => t('title'), action: 'operation:read' } },
  {
    path: '/operations/:id',
    component: () => import('./OperationDetail.vue'),
    props: true,
    meta: { title: ({ id }) => `${t('operation')} ${(id ?? '').slice(0, 12)}`, action: 'operation:read' },
  },
]
