import { FirstAidKit } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry = { path: '/doctor', title: () => t('doctor'), group: 'system', action: 'doctor:read', icon: FirstAidKit }

export const routes: RouteRecordRaw[] = [
  { path: '/doctor', component: () => import('./DoctorPage.vue'), meta: { title: () => t('doctor'), action: 'doctor:read' } },
]
