/**
 * What somebody has written and not deployed yet, kept in this tab until it is closed.
 *
 * Only what was typed as a file is kept. Values of variables, the files referred to and passwords are not: they may be
 * secret, and storage of a browser is no place for that.
 */

export interface DraftFile {
  name: string
  content: string
}

export interface Draft {
  name: string
  files: DraftFile[]
  prune: boolean
  resolveImage: ResolveImage
  profiles: string[]
}

export const RESOLVE_IMAGE = ['always', 'changed', 'never'] as const
export type ResolveImage = (typeof RESOLVE_IMAGE)[number]

const key = (stack: string | null): string => `crane.draft.${stack === null ? '' : `stack.${stack}`}`

/** Keep a draft. @param stack The stack that it changes; null for a new one. */
export function keepDraft(stack: string | null, draft: Draft): void {
  const { name, files, prune, resolveImage, profiles } = draft
  const kept = { name, files: files.map(({ name, content }) => ({ name, content })), prune, resolveImage, profiles }
  try {
    sessionStorage.setItem(key(stack), JSON.stringify(kept))
  } catch {
    // It is full: then nothing is kept, and leaving the page asks all the same.
  }
}

/** Return the draft that was kept; null when there is none, or none that can be read. */
export function readDraft(stack: string | null): Draft | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(key(stack)) ?? 'null')
    return isDraft(kept) ? kept : null
  } catch {
    return null
  }
}

/** Forget a draft. */
export function forgetDraft(stack: string | null): void {
  sessionStorage.removeItem(key(stack))
}

function isDraft(kept: unknown): kept is Draft {
  if (typeof kept !== 'object' || kept === null) return false
  const draft = kept as Partial<Draft>
  return (
    typeof draft.name === 'string' &&
    typeof draft.prune === 'boolean' &&
    RESOLVE_IMAGE.includes(draft.resolveImage as ResolveImage) &&
    Array.isArray(draft.profiles) &&
    Array.isArray(draft.files) &&
    draft.files.length > 0 &&
    draft.files.every((file) => typeof file?.name === 'string' && typeof file?.content === 'string')
  )
}
