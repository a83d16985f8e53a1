import { Files } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/stacks', title: () => t('stacks'), group: 'applications', action: 'stack:read', icon: Files }

export const routes: RouteRecordRaw[] = [
  { path: '/stacks', component: () => import('./StackList.vue'), meta: { title: () => t('stacks'), action: 'stack:read' } },
  {
    path: '/stacks/-/new',
    component: () => import('./DeployPage.vue'),
    meta: { title: () => t('deployStack'), action: 'stack:update' },
  },
  {
    path: '/stacks/:name',
    component: () => import('./StackDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'stack:read' },
  },
  {
    path: '/stacks/:name/deploy',
    component: () => import('./DeployPage.vue'),
    props: true,
    meta: { title: ({ name }) => t('deployOf', { name: name ?? '' }), action: 'stack:update' },
  },
]
