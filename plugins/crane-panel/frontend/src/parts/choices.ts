/** What there is to choose from. */
import { compareTexts } from '../words/order'

export interface Choice {
  value: string
  text: string
}

/** Return each name once, in the order that people expect; none of what has no name. */
export function choicesOf(names: Iterable<string | null | undefined>): Choice[] {
  const found = new Set<string>()
  for (const name of names) if (name) found.add(name)
  return [...found].sort(compareTexts).map((name) => ({ value: name, text: name }))
}
