/** What files are that somebody brings along, and what of them is still to come. */
import type { components } from '../../api/schema'

export type Attachment = components['schemas']['Attachment']
export type NeededPath = components['schemas']['NeededPath']

/** As much of one file as the server takes. */
export const LARGEST_FILE = 1024 * 1024

export type FileKind = 'stack' | 'variables' | 'attachment'

/** A file that a stack file refers to. */
export interface Referred {
  path: string
  /** What it is for; null once nothing refers to it any more. */
  kind: string | null
  optional: boolean
  /** Its size in bytes; null while it is still to come. */
  size: number | null
}

/** Tell what a file is by its name, unless the stack files refer to it: then it is what they say. */
export function kindOf(name: string, needed: readonly string[]): FileKind {
  if (pathFor(name, needed) !== null) return 'attachment'
  if (/(^|[./\\])env$|\.env(\.|$)/i.test(name)) return 'variables'
  if (/\.(ya?ml|json|dab)$/i.test(name)) return 'stack'
  return 'attachment'
}

/** Return the path that stack files call a file by, of which only the name is known; null when none, or several, fit. */
export function pathFor(name: string, needed: readonly string[]): string | null {
  const fitting = needed.filter((path) => path === name || path.split('/').at(-1) === name)
  return fitting.length === 1 ? fitting[0]! : null
}

/** Return bytes as they are sent: as text where they are text, so that a plan can be read; base64 otherwise. */
export function attach(bytes: Uint8Array): Attachment {
  try {
    // A mark at its beginning is a part of the file.
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!content.includes('\0')) return { content, encoding: 'text' }
  } catch {
    // Not UTF-8: no text.
  }
  let binary = ''
  // All at once would be more arguments than a call may have.
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return { content: btoa(binary), encoding: 'base64' }
}

/**
 * Return the files that stack files refer to: first those that are still to come.
 *
 * @param needed What the server says is missing; it does not tell of what it has been sent.
 * @param known What it said earlier, by path.
 * @param sizes What is there, by path.
 */
export function referred(
  needed: readonly NeededPath[],
  known: ReadonlyMap<string, NeededPath>,
  sizes: ReadonlyMap<string, number>,
): Referred[] {
  const missing = needed
    .filter((each) => !sizes.has(each.path))
    .map((each) => ({ path: each.path, kind: each.kind, optional: each.optional, size: null }))
  const there = [...sizes].map(([path, size]) => {
    const told = known.get(path)
    return { path, kind: told?.kind ?? null, optional: told?.optional ?? true, size }
  })
  return [...missing, ...there]
}

/** Return the variables whose names stand in a text; no others are anybody's business. */
export function asked(values: Readonly<Record<string, string>>, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => texts.some((text) => text.includes(name))))
}

/** Return a name that no other file has: `stack.yml`, then `stack.2.yml`. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name
  const [, stem, ending] = /^(.*?)(\.[^.]*)?$/.exec(name)!
  let number = 2
  while (taken.includes(`${stem}.${number}${ending ?? ''}`)) number += 1
  return `${stem}.${number}${ending ?? ''}`
}

/** Return the profiles that Compose files name, in their order; `profiles: [a, b]` and lists below it. */
export function profilesIn(texts: readonly string[]): string[] {
  const found = new Set<string>()
  const add = (text: string): void => {
    const name = text.replace(/\s#.*$/, '').trim().replace(/^(["'])(.*)\1$/, '$2')
    if (/^[A-Za-z0-9][\w.-]*$/.test(name)) found.add(name)
  }
  for (const text of texts) {
    let below = -1
    for (const line of text.split('\n')) {
      const [, indent, key] = /^(\s*)profiles:\s*(.*)$/.exec(line) ?? []
      if (indent !== undefined && key !== undefined) {
        const flow = /^\[([^\]]*)\]/.exec(key)
        if (flow) flow[1]!.split(',').forEach(add)
        below = flow ? -1 : indent.length
        continue
      }
      const item = /^(\s*)-\s+(.*)$/.exec(line)
      if (below >= 0 && item && item[1]!.length >= below) add(item[2]!)
      else if (line.trim() !== '' && !line.trim().startsWith('#')) below = -1
    }
  }
  return [...found]
}
