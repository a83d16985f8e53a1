/** The order of texts, as people expect it: node2 comes before node10, and Web beside web. */

// Made when it is needed first, because that takes long.
let collator: Intl.Collator | undefined

/** Compare two texts, for sorting. */
export function compareTexts(a: string, b: string): number {
  collator ??= new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })
  return collator.compare(a, b)
}
