/** What a stack may be called; the server says the same, but only once everything has been sent. */

const STACK_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/

/** Tell whether a stack may be called this. */
export function isStackName(name: string): boolean {
  return STACK_NAME.test(name)
}

/** Return a name for a stack from that of a file: `Shop (1).yml` becomes `Shop-1`; empty when nothing of it will do. */
export function nameFrom(file: string): string {
  const stem = file.replace(/^.*[/\\]/, '').replace(/\.(ya?ml|json|dab)$/i, '')
  // These say what the file is, not what is in it.
  if (/^(docker-)?(compose|stack)([.-]|$)/i.test(stem)) return ''
  const name = stem.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[_-]+/, '').slice(0, 63)
  return name.replace(/[_-]+$/, '')
}
