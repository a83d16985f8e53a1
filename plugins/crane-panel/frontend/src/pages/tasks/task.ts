/** Tasks: what the Engine tells of one, and which of many are to be seen. */
import type { Resources, Task } from '../../api/types'

/** The states that a task never leaves again. */
export const ENDED = ['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'] as const
/** The states on the way to running, and that. */
export const ALIVE = ['new', 'allocated', 'pending', 'assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'] as const
/** The ends that nobody wished for. */
export const FAILED = ['failed', 'rejected', 'orphaned'] as const
export const STATES = [...ALIVE, ...ENDED]

const ended = new Set<string>(ENDED)
const failed = new Set<string>(FAILED)
/** How long a failure is news. */
export const RECENT = 3600_000

export interface TaskStatus {
  Timestamp?: string
  State?: string
  Message?: string
  Err?: string
  ContainerStatus?: { ContainerID?: string; PID?: number; ExitCode?: number }
  PortStatus?: { Ports?: { Protocol?: string; TargetPort?: number; PublishedPort?: number }[] }
}

export interface Attachment {
  network: string
  addresses: string[]
}

/** Return how a task is, in the Engine's shape. */
export function statusOf(task: Task): TaskStatus {
  return (task.Status ?? {}) as TaskStatus
}

/** Return since when a task is in its state. */
export function sinceOf(task: Task): string | undefined {
  return statusOf(task).Timestamp ?? task.UpdatedAt
}

/** Return what a task reserves, or what it is limited to. */
export function resourcesOf(task: Task, kind: 'Reservations' | 'Limits'): Resources {
  const spec = task.Spec as { Resources?: Partial<Record<typeof kind, Resources>> } | undefined
  return spec?.Resources?.[kind] ?? {}
}

/** Return the networks that a task is in, with its addresses there. */
export function attachmentsOf(task: Task): Attachment[] {
  const attachments = (task['NetworksAttachments'] ?? []) as {
    Network?: { ID?: string; Spec?: { Name?: string } }
    Addresses?: string[]
  }[]
  return attachments.map(({ Network, Addresses }) => ({
    network: Network?.Spec?.Name ?? Network?.ID ?? '',
    addresses: Addresses ?? [],
  }))
}

export function isAlive(task: Task): boolean {
  return !ended.has(task.state)
}

export function hasFailed(task: Task): boolean {
  return failed.has(task.state)
}

/** Tell whether a task is part of the present: alive, or failed so lately that it is news. */
export function isPresent(task: Task, now: number): boolean {
  return isAlive(task) || (hasFailed(task) && now - Date.parse(sinceOf(task) ?? '') < RECENT)
}

/** What of the tasks is asked for; empty texts ask for nothing in particular. */
export interface Wish {
  state: string
  /** A desired state, or `any` for those of the past too. */
  desired: string
  node: string
  service: string
  stack: string
}

/** Tell whether only what is present is shown, because nobody asked for a state. */
export function isOfThePresent(wish: Wish): boolean {
  return wish.state === '' && wish.desired === ''
}

/** Return the tasks that are asked for, the newest first. */
export function chosen(tasks: readonly Task[], wish: Wish, now: number): Task[] {
  const states = new Set(wish.state.split(',').filter(Boolean))
  const desired = wish.desired === 'any' ? '' : wish.desired
  const present = isOfThePresent(wish)
  const found = tasks.filter(
    (task) =>
      (states.size === 0 || states.has(task.state)) &&
      (desired === '' || task.desired_state === desired) &&
      (wish.node === '' || task.node === wish.node) &&
      (wish.service === '' || task.service === wish.service) &&
      (wish.stack === '' || task.stack === wish.stack) &&
      (!present || isPresent(task, now)),
  )
  return found.sort((a, b) => (b.CreatedAt ?? '').localeCompare(a.CreatedAt ?? ''))
}

/** Return since when failures are news, as the API takes it; the same for a minute, so that answers can be kept. */
export function presentSince(now: number): string {
  return new Date(Math.floor(now / 60_000) * 60_000 - RECENT).toISOString()
}

/** Return the same wish as the API takes it. */
export function asQuery(wish: Wish, since: string): Record<string, string> {
  const query = {
    present_since: isOfThePresent(wish) ? since : '',
    state: wish.state,
    desired_state: wish.desired === 'any' ? '' : wish.desired,
    node: wish.node,
    service: wish.service,
    stack: wish.stack,
  }
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}
