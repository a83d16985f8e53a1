/** Figures in the order of time: what a chart draws, and what its table says. */

export interface Series {
  /** When, in seconds since 1970, the oldest first. */
  times: number[]
  /** For each line its figure at each of these times; null where there is none. */
  columns: (number | null)[][]
}

export interface Summary {
  least: number
  mean: number
  most: number
}

/** Return a series without any figure. */
export function emptySeries(lines: number): Series {
  return { times: [], columns: Array.from({ length: lines }, () => []) }
}

/**
 * Return a series with one more moment, and without what was before the oldest that is wanted.
 *
 * What is not newer than the last moment is known already.
 */
export function append(series: Series, time: number, figures: readonly (number | null)[], oldest: number): Series {
  const last = series.times.at(-1)
  if (last !== undefined && time <= last) return series
  const first = firstFrom(series.times, oldest)
  return {
    times: [...series.times.slice(first), time],
    columns: series.columns.map((column, index) => [...column.slice(first), figures[index] ?? null]),
  }
}

/** Return a series in which moments that are further apart than some seconds have a gap between them. */
export function withGaps(series: Series, most: number): Series {
  const found = emptySeries(series.columns.length)
  series.times.forEach((time, at) => {
    const before = series.times[at - 1]
    if (before !== undefined && time - before > most) put(found, (before + time) / 2, () => null)
    put(found, time, (column) => series.columns[column]?.[at] ?? null)
  })
  return found
}

function put(series: Series, time: number, figureOf: (column: number) => number | null): void {
  series.times.push(time)
  series.columns.forEach((column, index) => column.push(figureOf(index)))
}

/** Return the least, the mean and the most of a line within a span of time; null where it has no figures. */
export function summarize(series: Series, column: number, from: number, to: number): Summary | null {
  const figures = series.columns[column]?.filter((figure, at) => {
    const time = series.times[at]!
    return figure !== null && time >= from && time <= to
  }) as number[] | undefined
  if (!figures?.length) return null
  let [least, most, sum] = [Infinity, -Infinity, 0]
  for (const figure of figures) {
    least = Math.min(least, figure)
    most = Math.max(most, figure)
    sum += figure
  }
  return { least, mean: sum / figures.length, most }
}

/** Return the last figure of a line; null where it has none. */
export function lastOf(series: Series, column: number): number | null {
  return series.columns[column]?.at(-1) ?? null
}

/** Return the number of the moment that is nearest to a time; -1 where there is none. */
export function nearest(times: readonly number[], time: number): number {
  const after = firstFrom(times, time)
  const before = after - 1
  if (after >= times.length) return before
  if (before < 0) return after
  return time - times[before]! <= times[after]! - time ? before : after
}

/** Return the number of the first moment that is not before a time. */
export function firstFrom(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Return the moments that a table of a span of time shows, the newest first.
 *
 * @param most So many at the most; of more, some at even distances.
 */
export function momentsOf(series: Series, from: number, to: number, most: number): number[] {
  const first = firstFrom(series.times, from)
  const all = series.times
    .map((_, at) => at)
    .slice(first)
    .filter((at) => series.times[at]! <= to && series.columns.some((column) => column[at] !== null))
  const every = Math.max(1, Math.ceil(all.length / most))
  return all.reverse().filter((_, index) => index % every === 0)
}
