/** The shape of a QR code. */

/** Return dark squares as one path: a line of neighbours is one stroke. */
export function pathOf(rows: readonly (readonly boolean[])[]): string {
  return rows.map((row, y) => runs(row).map(([from, length]) => `M${from} ${y}h${length}v1h-${length}z`).join('')).join('')
}

function runs(row: readonly boolean[]): [number, number][] {
  const found: [number, number][] = []
  row.forEach((dark, x) => {
    if (!dark) return
    const last = found.at(-1)
    if (last && last[0] + last[1] === x) last[1] += 1
    else found.push([x, 1])
  })
  return found
}
