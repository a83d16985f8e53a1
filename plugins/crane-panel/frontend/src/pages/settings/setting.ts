/** Values of settings in words. */
import { HIDDEN } from '../services/secret'
import { t } from './words'

const SOURCES: Record<string, 'fromDefault' | 'fromFile' | 'fromVariable' | 'fromCommandLine'> = {
  default: 'fromDefault',
  file: 'fromFile',
  variable: 'fromVariable',
  'command line': 'fromCommandLine',
}

/** Say a value; empty ones are said to be nothing, because an empty cell says nothing at all. */
export function sayValue(value: unknown): string {
  if (value === HIDDEN) return t('secret')
  if (value === null || value === undefined || value === '') return t('nothing')
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no')
  if (Array.isArray(value)) return value.length > 0 ? value.map(String).join(', ') : t('nothing')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Tell whether a value is kept from being seen. */
export function isHidden(value: unknown): boolean {
  return value === HIDDEN
}

/** Say where a value comes from; a place that is not known is named as the server names it. */
export function saySource(source: string): string {
  const key = SOURCES[source]
  return key ? t(key) : source
}

/** Return the group of a setting: the plugin that has it. */
export function groupOf(name: string): string {
  return name.split('.')[0] ?? name
}
