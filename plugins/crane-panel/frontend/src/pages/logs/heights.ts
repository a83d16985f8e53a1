/** How high lines are, and which of many are in sight. */

/** The height of one row of text, in pixels. */
export const ROW = 18
/** How many rows above and below are made too. */
const MARGIN = 20

/** Return how many rows a text takes, of so many columns; wide characters take two. */
export function rowsOf(text: string, columns: number): number {
  if (columns <= 0) return 1
  let width = text.length
  // Only what is no Latin is looked at more closely.
   
  if (/[^\u0000-\u02ff]/.test(text)) {
    width = 0
    for (const character of text) width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(character) ? 2 : 1
  }
  return Math.max(1, Math.ceil(width / columns))
}

/** Where lines stand, of one row each unless told otherwise. */
export class Heights {
  /** The row at which each line begins, and the end of the last; null where each line is one row. */
  private starts: Uint32Array | null = null

  constructor(private count = 0) {}

  /** Have lines of so many rows. */
  set(rows: readonly number[]): void {
    this.count = rows.length
    const starts = new Uint32Array(rows.length + 1)
    for (let index = 0, at = 0; index < rows.length; index += 1) starts[index + 1] = at += rows[index]!
    this.starts = starts
  }

  get total(): number {
    return this.top(this.count)
  }

  top(index: number): number {
    return (this.starts ? (this.starts[index] ?? 0) : index) * ROW
  }

  /** Return the lines in sight: the first, and the one after the last. */
  visible(scrolled: number, height: number): { start: number; end: number } {
    const first = this.find(Math.floor(scrolled / ROW) - MARGIN)
    const last = this.find(Math.ceil((scrolled + height) / ROW) + MARGIN)
    return { start: first, end: Math.min(last + 1, this.count) }
  }

  /** Return the line in which a row stands. */
  private find(row: number): number {
    const { starts } = this
    if (!starts) return Math.min(Math.max(row, 0), this.count)
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= row) low = middle
      else high = middle - 1
    }
    return low
  }
}
