/** Lists as people type them: one line, with commas or spaces between. */

export function listOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))]
}
