/** Why somebody may do something, or may not. */
import type { Grant, Right } from '../../api/access'
import { language } from '../../words'
import { sayScope, saySubject } from './grant'
import { t } from './words'

/** Say why; in English the server does, whose sentences have no codes, and elsewhere the kind of the reason is told. */
export function explain(right: Right): string {
  if (language.value === 'en') return right.reason
  if (right.grants.length === 0) return right.allowed ? right.reason : t('noGrant')
  return t(right.allowed ? 'byGrants' : 'deniedByGrants')
}

/** Say the grants that speak for it or against it; one that is not known here as the server says it. */
export function sayGrants(right: Right, known: ReadonlyMap<string, Grant>): string[] {
  return right.grants.map((each) => {
    const grant = known.get(String(each.id))
    return grant ? t('grantSays', { effect: t(grant.effect), role: grant.role, subject: saySubject(grant), scope: sayScope(grant) }) : each.text
  })
}
