/** Reading the graph, and reading it anew when something of it changed: not more often than people see. */
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue'
import { toProblem, type Problem } from '../../api/problem'
import type { Graph, Service } from '../../api/types'
import { may } from '../../caller'
import { useTopic } from '../../live'
import { readGraph } from './network'

const PAUSE = 2000

/** Follow the graph; it is read again when networks or services change. */
export function useGraph(networks: () => unknown): { graph: ShallowRef<Graph | null>; problem: ShallowRef<Problem | null> } {
  const graph = shallowRef<Graph | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const services = useTopic<Service>(() => (may('service:read') ? 'services' : null))
  let timer: ReturnType<typeof setTimeout> | null = null
  let reading = false
  let again = false
  let over = false

  async function read(): Promise<void> {
    reading = true
    again = false
    try {
      graph.value = await readGraph()
      problem.value = null
    } catch (error) {
      problem.value = toProblem(error)
    }
    reading = false
    if (over) return
    timer = setTimeout(() => {
      timer = null
      if (again) void read()
    }, PAUSE)
  }

  function wish(): void {
    again = true
    if (!reading && timer === null) void read()
  }

  wish()
  watch([networks, services.items], wish)
  onScopeDispose(() => {
    over = true
    if (timer !== null) clearTimeout(timer)
  })
  return { graph, problem }
}
