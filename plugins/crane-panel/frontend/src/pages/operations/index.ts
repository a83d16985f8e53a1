import { Operation } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/operations', title: () => t('operations'), group: 'system', action: 'operation:read', icon: Operation }

export const routes: RouteRecordRaw[] = [
  { path: '/operations', component: () => import('./OperationList.vue'), meta: { title: () => t('operations'), action: 'operation:read' } },
  {
    path: '/operations/:id',
    component: () => import('./OperationDetail.vue'),
    props: true,
    meta: { title: ({ id }) => `${t('operation')} ${(id ?? '').slice(0, 12)}`, action: 'operation:read' },
  },
]
