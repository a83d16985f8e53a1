import { Document, Key } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry[] = [
  { path: '/secrets', title: () => t('secrets'), group: 'infrastructure', action: 'secret:read', icon: Key },
  { path: '/configs', title: () => t('configs'), group: 'infrastructure', action: 'config:read', icon: Document },
]

export const routes: RouteRecordRaw[] = (['secret', 'config'] as const).flatMap((kind) => {
  const action = `${kind}:read`
  return [
    { path: `/${kind}s`, component: () => import('./DataList.vue'), props: { kind }, meta: { title: () => t(`${kind}s`), action } },
    {
      path: `/${kind}s/:name`,
      component: () => import('./DataDetail.vue'),
      props: (route: { params: Record<string, unknown> }) => ({ kind, name: String(route.params['name']) }),
      meta: { title: ({ name }: Record<string, string>) => name ?? '', action },
    },
  ]
})
