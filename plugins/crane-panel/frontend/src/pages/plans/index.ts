import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

/** There is no list of plans: they are linked to from what they belong to. */
export const entry: Entry | null = null

export const routes: RouteRecordRaw[] = [
  {
    path: '/plans/:id',
    component: () => import('./PlanPage.vue'),
    props: true,
    meta: { title: ({ id }) => `${t('plan')} ${(id ?? '').slice(0, 12)}`, action: 'plan:read' },
  },
]
