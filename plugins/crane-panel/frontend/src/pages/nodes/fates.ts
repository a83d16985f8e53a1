/** What becomes of the tasks of a node that is drained. */
import type { Fate } from '../../api/cluster'
import { compareTexts } from '../../words/order'

/** Each outcome with the state by which it is marked, what asks to be looked at first. */
export const OUTCOMES = [
  { outcome: 'pending', mark: 'failed' },
  { outcome: 'ends', mark: 'degraded' },
  { outcome: 'moves', mark: 'running' },
  { outcome: 'stops', mark: 'shutdown' },
  { outcome: 'stays', mark: 'paused' },
] as const

/** Return the tasks with what waits or ends first, then those of which there is something to know, then by name. */
export function worstFates(fates: readonly Fate[]): Fate[] {
  const rank = (fate: Fate): number => OUTCOMES.findIndex((each) => each.outcome === fate.outcome) * 2 - (fate.notes.length > 0 ? 1 : 0)
  return [...fates].sort((a, b) => rank(a) - rank(b) || compareTexts(a.name, b.name))
}
