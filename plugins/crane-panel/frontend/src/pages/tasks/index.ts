import { Cpu } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/tasks', title: () => t('tasks'), group: 'applications', action: 'task:read', icon: Cpu }

export const routes: RouteRecordRaw[] = [
  { path: '/tasks', component: () => import('./TaskList.vue'), meta: { title: () => t('tasks'), action: 'task:read' } },
  {
    path: '/tasks/:id',
    component: () => import('./TaskDetail.vue'),
    props: true,
    meta: { title: ({ id }) => `${t('task')} ${(id ?? '').slice(0, 12)}`, action: 'task:read' },
  },
]
