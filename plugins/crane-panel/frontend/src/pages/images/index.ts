import { Files } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/images', title: () => t('images'), group: 'infrastructure', action: 'image:read', icon: Files }

export const routes: RouteRecordRaw[] = [
  { path: '/images', component: () => import('./ImageList.vue'), meta: { title: () => t('images'), action: 'image:read' } },
  {
    path: '/images/:id',
    component: () => import('./ImagePage.vue'),
    props: true,
    meta: { title: ({ id }) => (id ?? '').slice(0, 12), action: 'image:read' },
  },
]
