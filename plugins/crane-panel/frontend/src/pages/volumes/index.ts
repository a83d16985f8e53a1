import { Coin } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/volumes', title: () => t('volumes'), group: 'infrastructure', action: 'volume:read', icon: Coin }

export const routes: RouteRecordRaw[] = [
  { path: '/volumes', component: () => import('./VolumeList.vue'), meta: { title: () => t('volumes'), action: 'volume:read' } },
  {
    path: '/volumes/:node/:name',
    component: () => import('./VolumePage.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'volume:read' },
  },
]
