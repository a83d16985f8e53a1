/** What the pages of containers make of what is told of them. */
import type { Container, ContainerPort } from '../../api/types'

export const STATES = ['running', 'paused', 'restarting', 'created', 'removing', 'exited', 'dead'] as const

/** Return where a container is shown. */
export function pathOf(container: Pick<Container, 'id'>): string {
  return `/containers/${encodeURIComponent(container.id)}`
}

/** Return what a container is called for people: by its task where it has one. */
export function titleOf(container: Pick<Container, 'task' | 'name'>): string {
  return container.task ?? container.name
}

/** Write ports as docker does, each once whatever addresses it is published on. */
export function sayPorts(ports: readonly ContainerPort[] | undefined): string {
  const told = (ports ?? []).map(({ PrivatePort, PublicPort, Type }) => {
    const inside = `${PrivatePort}/${Type ?? 'tcp'}`
    return PublicPort ? `${PublicPort}→${inside}` : inside
  })
  return [...new Set(told)].join(', ')
}

/** What can be done with a container in its state; what makes no sense is not offered. */
export function deedsFor(state: string): ('start' | 'stop' | 'restart' | 'pause' | 'unpause' | 'kill')[] {
  if (state === 'paused') return ['unpause', 'kill']
  if (state === 'running' || state === 'restarting') return ['stop', 'restart', 'pause', 'kill']
  return state === 'removing' ? [] : ['start']
}
