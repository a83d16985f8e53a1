/** The Engine of each node, and the agent that leads to it. */
import { api, ask } from '../../api/client'
import type { components } from '../../api/schema'

type Schemas = components['schemas']
export type NodeEngine = Schemas['NodeEngine']
export type Agent = Schemas['Agent']

export const VIAS = ['socket', 'setting', 'label', 'agent'] as const
/** Whether it is changing by itself, so that nothing else should be begun. */
export const isMoving = (agent: Agent): boolean => agent.state === 'rolling' || agent.state === 'rotating'

/** What the mark of an agent looks like: the state of another object that stands for the same. */
export const AGENT_LOOKS: Record<Agent['state'], string> = {
  absent: 'empty',
  foreign: 'failed',
  rolling: 'updating',
  rotating: 'updating',
  stalled: 'paused',
  settled: 'ok',
}

/** Return how an Engine fares: as it is marked, and as it is filtered by. */
export function fareOf(engine: NodeEngine): 'answers' | 'silent' | 'no-way' {
  if (engine.state === 'fresh') return 'answers'
  return engine.via === null ? 'no-way' : 'silent'
}

export const FARE_LOOKS = { answers: 'ok', silent: 'down', 'no-way': 'disabled' } as const

export const install = (): Promise<unknown> => ask(api.POST('/api/v1/agent'))
export const rotate = (): Promise<unknown> => ask(api.POST('/api/v1/agent/rotate'))
export const remove = (): Promise<unknown> => ask(api.DELETE('/api/v1/agent'))
