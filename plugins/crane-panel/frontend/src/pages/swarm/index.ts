import { Connection } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/swarm', title: () => t('swarm'), group: 'infrastructure', action: 'swarm:read', icon: Connection }

export const routes: RouteRecordRaw[] = [
  { path: '/swarm', component: () => import('./SwarmPage.vue'), meta: { title: () => t('swarm'), action: 'swarm:read' } },
]
