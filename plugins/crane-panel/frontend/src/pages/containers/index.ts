import { Box } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/containers', title: () => t('containers'), group: 'infrastructure', action: 'container:read', icon: Box }

export const routes: RouteRecordRaw[] = [
  { path: '/containers', component: () => import('./ContainerList.vue'), meta: { title: () => t('containers'), action: 'container:read' } },
  {
    path: '/containers/:id',
    component: () => import('./ContainerPage.vue'),
    props: true,
    meta: { title: ({ id }) => (id ?? '').slice(0, 12), action: 'container:read' },
  },
]
