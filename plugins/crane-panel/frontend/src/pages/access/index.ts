import { Avatar, Cpu, Key, QuestionFilled, ScaleToOriginal, Stamp, User } from '@element-plus/icons-vue'
import type { RouteRecordRaw } from 'vue-router'
import type { Entry } from '../../frame/navigation'
import { t } from '../titles'

export const entry: Entry[] = [
  { path: '/access/users', title: () => t('users'), group: 'access', action: 'user:read', icon: User },
  { path: '/access/service-accounts', title: () => t('serviceAccounts'), group: 'access', action: 'user:read', icon: Cpu },
  { path: '/access/groups', title: () => t('groups'), group: 'access', action: 'group:read', icon: Avatar },
  { path: '/access/roles', title: () => t('roles'), group: 'access', action: 'role:read', icon: Stamp },
  { path: '/access/grants', title: () => t('grants'), group: 'access', action: 'grant:read', icon: Key },
  { path: '/access/rights', title: () => t('rights'), group: 'access', action: 'grant:read', icon: QuestionFilled },
  { path: '/access/quotas', title: () => t('quotas'), group: 'access', action: 'quota:read', icon: ScaleToOriginal },
]

export const routes: RouteRecordRaw[] = [
  {
    path: '/access/users',
    component: () => import('./UserList.vue'),
    props: { kind: 'user' },
    meta: { title: () => t('users'), action: 'user:read' },
  },
  {
    path: '/access/service-accounts',
    component: () => import('./UserList.vue'),
    props: { kind: 'service' },
    meta: { title: () => t('serviceAccounts'), action: 'user:read' },
  },
  {
    path: '/access/:kind(users|service-accounts)/:name',
    component: () => import('./UserDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'user:read' },
  },
  { path: '/access/groups', component: () => import('./GroupList.vue'), meta: { title: () => t('groups'), action: 'group:read' } },
  {
    path: '/access/groups/:name',
    component: () => import('./GroupDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'group:read' },
  },
  { path: '/access/roles', component: () => import('./RoleList.vue'), meta: { title: () => t('roles'), action: 'role:read' } },
  {
    path: '/access/roles/-/new',
    component: () => import('./RoleEdit.vue'),
    meta: { title: () => t('newRole'), action: 'role:create' },
  },
  {
    path: '/access/roles/:name',
    component: () => import('./RoleDetail.vue'),
    props: true,
    meta: { title: ({ name }) => name ?? '', action: 'role:read' },
  },
  {
    path: '/access/roles/:name/edit',
    component: () => import('./RoleEdit.vue'),
    props: true,
    meta: { title: ({ name }) => t('editRole', { name: name ?? '' }), action: 'role:update' },
  },
  { path: '/access/grants', component: () => import('./GrantList.vue'), meta: { title: () => t('grants'), action: 'grant:read' } },
  { path: '/access/rights', component: () => import('./RightsPage.vue'), meta: { title: () => t('rights') } },
  { path: '/access/quotas', component: () => import('./QuotaList.vue'), meta: { title: () => t('quotas'), action: 'quota:read' } },
]
