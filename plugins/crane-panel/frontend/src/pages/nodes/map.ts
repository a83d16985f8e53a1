/** The map of tasks on nodes: which cells a node shows. */
import type { Task } from '../../api/types'
import { urgency } from '../../parts/states'
import { hasFailed, isPresent } from '../tasks/task'
import { compareTexts } from '../../words/order'

export interface Cell {
  task: Task
  /** Its name without that of its stack, which stands above. */
  label: string
  /** How many attempts at the same place failed alike; the newest stands for them. */
  count: number
}

export interface Group {
  /** Null for tasks outside any stack. */
  stack: string | null
  cells: Cell[]
}

export interface Sight {
  groups: Group[]
  /** How many tasks there are besides. */
  more: number
}

/** Empty texts let everything through. */
export interface Filter {
  stack: string
  service: string
}

/**
 * Return what a node shows of its tasks, by stack.
 *
 * @param cap So many cells at the most; what asks to be looked at goes before what runs.
 */
export function sightOf(tasks: readonly Task[], filter: Filter, cap: number, now: number): Sight {
  const fitting = tasks.filter(
    (task) =>
      isPresent(task, now) &&
      (filter.stack === '' || task.stack === filter.stack) &&
      (filter.service === '' || task.service === filter.service),
  )
  const cells = gather(fitting).sort((a, b) => urgency(a.task.state, true) - urgency(b.task.state, true))
  const kept = cells.slice(0, cap)
  const groups = new Map<string | null, Cell[]>()
  for (const cell of kept.sort((a, b) => compareTexts(a.task.name, b.task.name))) {
    groups.set(cell.task.stack, [...(groups.get(cell.task.stack) ?? []), cell])
  }
  return {
    groups: [...groups]
      .map(([stack, cells]) => ({ stack, cells }))
      .sort((a, b) => Number(a.stack === null) - Number(b.stack === null) || compareTexts(a.stack ?? '', b.stack ?? '')),
    more: cells.length - kept.length,
  }
}

/** Return a cell for each task, but only one for all attempts at a place that failed. */
function gather(tasks: readonly Task[]): Cell[] {
  const cells = new Map<string, Cell>()
  for (const task of tasks) {
    const key = hasFailed(task) ? `${task.ServiceID} ${task.Slot ?? task.NodeID}` : task.ID
    const known = cells.get(key)
    const newest = known && (known.task.CreatedAt ?? '') > (task.CreatedAt ?? '') ? known.task : task
    cells.set(key, { task: newest, label: labelOf(newest), count: (known?.count ?? 0) + 1 })
  }
  return [...cells.values()]
}

/** Return what a task is called beside others of its stack: on its own node, one of each node needs no number. */
function labelOf(task: Task): string {
  const own = task.Slot === undefined || task.Slot === 0 ? (task.service ?? task.name) : task.name
  return task.stack && own.startsWith(`${task.stack}_`) ? own.slice(task.stack.length + 1) : own
}
