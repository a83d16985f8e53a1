/** Which terminals stand side by side: one that is closed takes no other with it, also of several in the same place. */
import { MOST, writeTarget, type Target } from './target'

export interface Pane {
  target: Target
  /** Tells it from others of the same target. */
  number: number
}

/** Return under which name a browser tab keeps what a terminal is come back to by. */
export function keptName({ target, number }: Pane): string {
  return `crane.terminal.${number}.${writeTarget(target)}`
}

/**
 * Return the panes of targets: those that stand there already, and new ones.
 *
 * @param isKept Whether there is something to come back to under a name: that is taken first.
 */
export function arrange(before: readonly Pane[], targets: readonly Target[], isKept: (name: string) => boolean): Pane[] {
  const left = [...before]
  const found = targets.slice(0, MOST).map((target) => {
    const at = left.findIndex((pane) => writeTarget(pane.target) === writeTarget(target))
    return { target, pane: at < 0 ? null : left.splice(at, 1)[0]! }
  })
  const taken = new Set(found.flatMap(({ pane }) => (pane ? [keptName(pane)] : [])))
  return found.map(({ target, pane }) => {
    if (pane) return pane
    const free = Array.from({ length: MOST }, (_, number) => ({ target, number })).filter((each) => !taken.has(keptName(each)))
    const made = free.find((each) => isKept(keptName(each))) ?? free[0]!
    taken.add(keptName(made))
    return made
  })
}
