import { Link } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/engines', title: () => t('engines'), group: 'infrastructure', action: 'engine:read', icon: Link }

export const routes: RouteRecordRaw[] = [
  { path: '/engines', component: () => import('./EnginesPage.vue'), meta: { title: () => t('engines'), action: 'engine:read' } },
]
