/** Labels as they are typed: one a line, as docker writes them. */

/** Write labels, one a line. */
export function writeLabels(labels: Record<string, string> | undefined): string {
  return Object.entries(labels ?? {})
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .sort()
    .join('\n')
}

/** Read labels that were typed; the last of several with the same name counts. */
export function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '') continue
    const at = line.indexOf('=')
    labels[at < 0 ? line : line.slice(0, at).trim()] = at < 0 ? '' : line.slice(at + 1)
  }
  return labels
}

/** Return what changes from some labels to others: null for those that go. */
export function changeOfLabels(before: Record<string, string> | undefined, after: Record<string, string>): Record<string, string | null> {
  const change: Record<string, string | null> = {}
  for (const name of Object.keys(before ?? {})) if (!(name in after)) change[name] = null
  for (const [name, value] of Object.entries(after)) if (before?.[name] !== value) change[name] = value
  return change
}
