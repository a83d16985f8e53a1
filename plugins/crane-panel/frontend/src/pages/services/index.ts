import { Grid } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/services', title: () => t('services'), group: 'applications', action: 'service:read', icon: Grid }

export const routes: RouteRecordRaw[] = [
  { path: '/services', component: () => import('./ServiceList.vue'), meta: { title: () => t('services'), action: 'service:read' } },
  {
    path: '/services/-/new',
    component: () => import('./ServiceCreate.vue'),
    meta: { title: () => t('createService'), action: 'service:create' },
  },
  {
    path: '/services/:name',
    component: () => import('./ServiceDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? t('services'), action: 'service:read' },
  },
  {
    path: '/services/:name/edit',
    component: () => import('./ServiceEdit.vue'),
    props: true,
    meta: { title: ({ name }) => t('editService', { name: name ?? '' }), action: 'service:update' },
  },
]
