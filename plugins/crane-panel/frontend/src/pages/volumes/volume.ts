/** What the pages of volumes make of what is told of them, and of what is filled in. */
import type { Volume } from '../../api/types'

/** Return where a volume is shown. */
export function pathOf(volume: Pick<Volume, 'node' | 'name'>): string {
  return `/volumes/${encodeURIComponent(volume.node)}/${encodeURIComponent(volume.name)}`
}

/** Read lines of the form name=value; a line without a value has an empty one. */
export function readPairs(text: string): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const line of text.split('\n')) {
    if (!line.trim()) continue
    const at = line.indexOf('=')
    pairs[(at < 0 ? line : line.slice(0, at)).trim()] = at < 0 ? '' : line.slice(at + 1).trim()
  }
  return pairs
}
