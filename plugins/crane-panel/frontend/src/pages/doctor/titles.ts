/** What checks and their states are called. */
import type { Check } from '../../api/monitoring'
import { t } from './words'

const CHECKS = ['nodes', 'managers', 'certificates', 'agent', 'tokens', 'clocks', 'versions', 'mtu', 'ports', 'disks', 'updates', 'server'] as const

/** Return what a check is called; that of a plugin as the plugin calls it. */
export function titleOf(check: Check): string {
  const name = CHECKS.find((each) => each === check.name)
  return name ? t(name) : check.title
}

/** Say a state. */
export function sayState(state: Check['state']): string {
  return t(state)
}

/** Say where something is: the server names itself in English. */
export function sayWhere(where: string): string {
  return where === 'this server' ? t('thisServer') : where
}
