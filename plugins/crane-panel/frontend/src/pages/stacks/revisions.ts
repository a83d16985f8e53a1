/** How two revisions of a stack differ, as text. */
import type { RevisionDiff } from '../../api/types'
import { t } from './words'

type Value = RevisionDiff['variables'][number]

/** Return the lines that differ, then variables, options and images; empty when nothing does. */
export function sayDifference(difference: RevisionDiff): string {
  const files = difference.files.map((file) => {
    if (file.diff === null) return `${file.name}: ${t('tooLong')}\n`
    return file.hidden_differs ? `${file.name}: ${t('hiddenDiffers')}\n` : file.diff
  })
  const values = [...difference.variables, ...difference.options, ...difference.images].map(sayValue)
  const attachments = difference.attachments.map((each) => `${each.path}: ${t(each.change)}\n`)
  return [...files, ...values, ...attachments].join('')
}

function sayValue({ name, from, to }: Value): string {
  return `${name}: ${say(from)} → ${say(to)}\n`
}

function say(value: unknown): string {
  if (value === null || value === undefined) return t('nothing')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
