import { Share } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/networks', title: () => t('networks'), group: 'infrastructure', action: 'network:read', icon: Share }

export const routes: RouteRecordRaw[] = [
  { path: '/networks', component: () => import('./NetworksPage.vue'), meta: { title: () => t('networks'), action: 'network:read' } },
  {
    path: '/networks/:id',
    component: () => import('./NetworkDetail.vue'),
    props: true,
    meta: { title: () => t('network'), action: 'network:read' },
  },
]
