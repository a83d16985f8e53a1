import { describe, expect, it } from 'vitest'
import type { Graph } from '../../src/api/types'
import { choose, COLUMNS, find, lay, litBy, NODE, shortName, step, WIDTH } from '../../src/pages/networks/graph'

type Service = Graph['services'][number]
type Net = Graph['networks'][number]

const service = (name: string, stack: string | null): Service => ({ id: name, name, stack, mode: 'replicated', tasks_running: 1, tasks_desired: 1, ports: [] })
const net = (name: string, stack: string | null, more: Partial<Net> = {}): Net => ({ id: name, name, stack, driver: 'overlay', internal: false, attachable: false, encrypted: false, ingress: false, subnets: [], ...more })
const edge = (from: string, to: string): Graph['edges'][number] => ({ service: from, network: to, addresses: [], aliases: [] })

/** A Swarm of fifty services in ten stacks, each with two networks of its own, and two that are shared. */
function fifty(): Graph {
  const stacks = Array.from({ length: 10 }, (_, index) => `stack${index}`)
  const services = stacks.flatMap((stack) => Array.from({ length: 5 }, (_, index) => service(`${stack}_s${index}`, stack)))
  const networks = [
    ...stacks.flatMap((stack) => [net(`${stack}_front`, stack), net(`${stack}_back`, stack)]),
    net('shared', null),
    net('proxy', null),
    net('ingress', null, { ingress: true }),
  ]
  const edges = services.flatMap((each, index) => [
    edge(each.id, `${each.stack}_${index % 2 ? 'front' : 'back'}`),
    ...(index % 3 === 0 ? [edge(each.id, 'shared')] : []),
    ...(index % 5 === 0 ? [edge(each.id, 'proxy')] : []),
    edge(each.id, 'ingress'),
  ])
  return { services, networks, edges, sources: [] }
}

describe('the layout of fifty services', () => {
  const graph = fifty()
  const { nodes, edges, groups, height } = lay(choose(graph, {}))

  it('has everything, and every line', () => {
    expect(nodes.size).toBe(50 + 22)
    expect(edges.length).toBe(graph.edges.filter((each) => each.network !== 'ingress').length)
  })

  it('puts nothing upon anything else, and all inside', () => {
    for (const column of Object.keys(COLUMNS)) {
      const ys = [...nodes.values()].filter((each) => each.column === column).map((each) => each.y).sort((a, b) => a - b)
      expect(ys.every((y, index) => index === 0 || y - ys[index - 1]! >= NODE)).toBe(true)
      expect(ys.every((y) => y >= NODE / 2 && y <= height - NODE / 2)).toBe(true)
    }
    expect(COLUMNS.shared.x + COLUMNS.shared.width).toBeLessThanOrEqual(WIDTH)
  })

  it('leads lines to shared networks past those in between', () => {
    const between = [...nodes.values()].filter((each) => each.column === 'own').map((each) => each.y)
    const past = edges.filter((each) => nodes.get(each.network)?.column === 'shared')
    const heights = past.map((each) => Number(/ ([\d.]+)H/.exec(each.path)?.[1]))

    expect(past.length).toBeGreaterThan(20)
    expect(heights.filter((y) => between.some((each) => Math.abs(each - y) < NODE / 2))).toEqual([])
  })

  it('keeps stacks together, with the networks that are theirs alone', () => {
    expect(groups.map((group) => group.stack)).toEqual(Array.from({ length: 10 }, (_, index) => `stack${index}`))
    for (const group of groups) {
      const own = [...nodes.values()].filter((each) => each.stack === group.stack)
      expect(own.length).toBe(7)
      expect(own.every((each) => each.y > group.top && each.y < group.top + group.height)).toBe(true)
    }
    expect(nodes.get('shared')?.column).toBe('shared')
    expect(nodes.get('stack3_front')?.column).toBe('own')
  })
})

describe('what is drawn', () => {
  it('is one stack with all that its networks lead to', () => {
    const shown = choose(fifty(), { stack: 'stack1' })

    expect(shown.networks.map((each) => each.name)).toEqual(['stack1_front', 'stack1_back', 'shared', 'proxy'])
    expect(shown.services.filter((each) => each.stack === 'stack1').length).toBe(5)
    expect(shown.services.length).toBeGreaterThan(5)
    expect(shown.edges.every((each) => shown.services.some((one) => one.id === each.service))).toBe(true)
  })

  it('holds the network of published ports only when asked to', () => {
    expect(choose(fifty(), {}).networks.some((each) => each.ingress)).toBe(false)
    expect(choose(fifty(), { ingress: true }).networks.some((each) => each.ingress)).toBe(true)
  })

  it('is nothing where there is nothing', () => {
    const nothing = lay({ services: [], networks: [], edges: [], sources: [] })

    expect([nothing.nodes.size, nothing.edges.length, nothing.groups.length]).toEqual([0, 0, 0])
    expect(nothing.height).toBeGreaterThan(0)
  })

  it('has room for more networks than services', () => {
    const networks = Array.from({ length: 30 }, (_, index) => net(`n${index}`, index % 2 ? 'shop' : null))
    const { nodes, height } = lay({ services: [service('shop_web', 'shop')], networks, edges: [], sources: [] })

    expect(nodes.size).toBe(31)
    expect([...nodes.values()].every((each) => each.y <= height - NODE / 2)).toBe(true)
  })
})

describe('whoever looks', () => {
  const graph: Graph = { services: [service('a', 'x'), service('b', 'x')], networks: [net('n', 'x'), net('m', null)], edges: [edge('a', 'n'), edge('b', 'n'), edge('b', 'm')], sources: [] }

  it('sees what something is tied to', () => {
    expect([...litBy('n', graph.edges)].sort()).toEqual(['a', 'b', 'n'])
    expect([...litBy('b', graph.edges)].sort()).toEqual(['b', 'm', 'n'])
  })

  it('gets along with the arrow keys', () => {
    const layout = lay(graph)

    expect(step(layout, 'a', 'ArrowDown')).toBe('b')
    expect(step(layout, 'a', 'ArrowUp')).toBe(null)
    expect(step(layout, 'a', 'ArrowRight')).toBe('n')
    expect(step(layout, 'm', 'ArrowLeft')).toBe('b')
    expect(step(layout, 'm', 'ArrowRight')).toBe(null)
    expect(step(layout, 'gone', 'ArrowDown')).toBe(null)
  })

  it('reads names without the stack that stands above them', () => {
    expect(shortName('shop_web', 'shop')).toBe('web')
    expect(shortName('shop_web', null)).toBe('shop_web')
    expect(shortName('shopping', 'shop')).toBe('shopping')
  })
})

describe('a search', () => {
  it('finds services and networks by what is in their names, in the order of the page', () => {
    const graph = choose(fifty(), {})
    const layout = lay(graph)

    expect(find(graph, layout, ' STACK3_ ').length).toBe(5 + 2)
    expect(find(graph, layout, 'stack3_s4')).toEqual(['stack3_s4'])
    expect(find(graph, layout, 'front').every((id) => id.endsWith('_front'))).toBe(true)
    expect(find(graph, layout, '_s0').map((id) => layout.nodes.get(id)!.y)).toEqual([...find(graph, layout, '_s0')].map((id) => layout.nodes.get(id)!.y).sort((a, b) => a - b))
    expect([find(graph, layout, 'ingress'), find(graph, layout, '  '), find(graph, layout, 'nothing')]).toEqual([[], [], []])
  })
})
