import { VideoCamera } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

const action = 'terminal-recording:read'

export const entry: Entry = { path: '/recordings', title: () => t('recordings'), group: 'system', action, icon: VideoCamera }

export const routes: RouteRecordRaw[] = [
  { path: '/recordings', component: () => import('./RecordingList.vue'), meta: { title: () => t('recordings'), action } },
  {
    path: '/recordings/:id',
    component: () => import('./RecordingPage.vue'),
    props: true,
    meta: { title: ({ id }) => `${t('recording')} ${(id ?? '').slice(0, 12)}`, action },
  },
]
