import { Odometer } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import DashboardPage from './DashboardPage.vue'
import { t } from '../titles'

export const entry: Entry = { path: '/', title: () => t('dashboard'), group: null, action: null, icon: Odometer }

export const routes: RouteRecordRaw[] = [
  { path: '/', component: DashboardPage, meta: { title: () => t('dashboard') } },
]
