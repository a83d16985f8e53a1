import { Grid } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from './words'

export const entry: Entry = { path: '/services', title: () => t('title'), group: 'applications', action: 'service:read', icon: Grid }

export const routes: RouteRecordRaw[] = [
  { path: '/services', component: () => import('./ServiceList.vue'), meta: { title: () => t('title'), action: 'service:read' } },
  {
    path: '/services/-/new',
    component: () => import('./ServiceCreate.vue'),
    meta: { title: () => t('createTitle'), action: 'service:create' },
  },
  {
    path: '/services/:name',
    component: () => import('./ServiceDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? t('title'), action: 'service:read' },
  },
  {
    path: '/services/:name/edit',
    component: () => import('./ServiceEdit.vue'),
    props: true,
    meta: { title: ({ name }) => t('editTitle', { name: name ?? '' }), action: 'service:update' },
  },
]
