/** Grants in words. */
import type { Grant, User } from '../../api/access'
import { t } from './words'

/** Say to whom; accounts are told apart where it is known which are of programs. */
export function saySubject(grant: Pick<Grant, 'account' | 'group'>, services: ReadonlySet<string> = new Set()): string {
  if (grant.group !== null) return t('toGroup', { name: grant.group })
  const name = grant.account ?? ''
  return services.has(name) ? t('toService', { name }) : t('toUser', { name })
}

/** Say on what. */
export function sayScope(grant: Pick<Grant, 'scope' | 'on'>): string {
  if (grant.scope === 'everything') return t('onEverything')
  const name = grant.on
  return grant.scope === 'stack' ? t('onStack', { name }) : grant.scope === 'node' ? t('onNode', { name }) : t('onRegistry', { name })
}

/** Return where whoever has it is shown. */
export function subjectPath(grant: Pick<Grant, 'account' | 'group'>): string {
  if (grant.group !== null) return `/access/groups/${encodeURIComponent(grant.group)}`
  return `/access/users/${encodeURIComponent(grant.account ?? '')}`
}

/** Return where an account is shown. */
export function userPath(user: Pick<User, 'kind' | 'name'>): string {
  return `/access/${user.kind === 'service' ? 'service-accounts' : 'users'}/${encodeURIComponent(user.name)}`
}

/** Say where an account comes from; a provider is named as it is set up. */
export function saySource(source: string): string {
  if (source === 'local') return t('sourceLocal')
  if (source === 'ldap') return t('sourceLdap')
  if (source === 'proxy') return t('sourceProxy')
  return source.replace(/^oidc:/, '')
}
