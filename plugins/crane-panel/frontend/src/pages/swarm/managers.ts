/** How the managers of a Swarm stand: how many more may be lost. */

export interface Managers {
  managers: number
  spare_managers: number
}

export interface Standing {
  /** The state by which it is marked. */
  mark: 'ok' | 'degraded' | 'failed'
  says: 'spareSome' | 'spareNone' | 'spareLost'
  hint: 'hintOne' | 'hintEven' | 'hintDown' | 'hintLost' | null
}

/** Return how the managers stand. */
export function standingOf({ managers, spare_managers: spare }: Managers): Standing {
  if (spare < 0) return { mark: 'failed', says: 'spareLost', hint: 'hintLost' }
  if (spare > 0) return { mark: 'ok', says: 'spareSome', hint: managers % 2 === 0 ? 'hintEven' : null }
  const hint = managers === 1 ? 'hintOne' : managers % 2 === 0 ? 'hintEven' : 'hintDown'
  return { mark: 'degraded', says: 'spareNone', hint }
}
