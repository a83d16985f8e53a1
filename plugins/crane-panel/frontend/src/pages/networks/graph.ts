/**
 * Where everything of the topology is drawn: services on the left, by stack; the networks of one stack beside it; those
 * that several share, or none has, on the right. Nothing lies upon anything else, however many there are.
 */
import { compare } from '../../parts/table/table'
import type { Graph } from '../../api/types'

export const ROW = 32
export const NODE = 26
export const HEAD = 30
const GAP = 18
export const COLUMNS = { service: { x: 8, width: 240 }, own: { x: 340, width: 190 }, shared: { x: 640, width: 200 } } as const
export const WIDTH = COLUMNS.shared.x + COLUMNS.shared.width + 8

export type GraphService = Graph['services'][number]
export type GraphNetwork = Graph['networks'][number]

export interface Placed {
  id: string
  kind: 'service' | 'network'
  column: keyof typeof COLUMNS
  /** The middle of its left side. */
  y: number
  stack: string | null
}
export interface Edge {
  service: string
  network: string
  path: string
}
export interface Group {
  stack: string | null
  top: number
  height: number
}
export interface Layout {
  nodes: Map<string, Placed>
  edges: Edge[]
  groups: Group[]
  height: number
}

export interface Filter {
  /** Only what has to do with this stack; the empty text for all. */
  stack?: string
  /** Whether the network is shown that ports are published by: nearly everything is tied to it. */
  ingress?: boolean
}

/** Return the part of a graph that is to be drawn. */
export function choose(graph: Graph, { stack = '', ingress = false }: Filter): Graph {
  const left = ingress ? graph : { ...graph, networks: graph.networks.filter((each) => !each.ingress) }
  const known = new Set(left.networks.map((each) => each.id))
  const edges = left.edges.filter((edge) => known.has(edge.network))
  if (stack === '') return { ...left, edges }
  const own = new Set(left.services.filter((each) => each.stack === stack).map((each) => each.id))
  const reached = new Set([
    ...left.networks.filter((each) => each.stack === stack).map((each) => each.id),
    ...edges.filter((edge) => own.has(edge.service)).map((edge) => edge.network),
  ])
  const near = edges.filter((edge) => reached.has(edge.network))
  const shown = new Set([...own, ...near.map((edge) => edge.service)])
  return {
    ...left,
    services: left.services.filter((each) => shown.has(each.id)),
    networks: left.networks.filter((each) => reached.has(each.id)),
    edges: near,
  }
}

/** Lay a graph out. */
export function lay(graph: Graph): Layout {
  const byNetwork = groupBy(graph.edges, (edge) => edge.network)
  const services = new Map(graph.services.map((each) => [each.id, each]))
  const isOwn = (network: GraphNetwork): boolean =>
    network.stack !== null && (byNetwork.get(network.id) ?? []).every((edge) => services.get(edge.service)?.stack === network.stack)
  const stacks = [...new Set([...graph.services, ...graph.networks.filter(isOwn)].map((each) => each.stack))].sort(byStack)
  const nodes = new Map<string, Placed>()
  const groups: Group[] = []
  let top = GAP / 2
  for (const stack of stacks) {
    const members = arrange(graph.services.filter((each) => each.stack === stack), graph)
    const own = graph.networks.filter((each) => each.stack === stack && isOwn(each))
    const rows = Math.max(members.length, own.length)
    const first = top + HEAD + ROW / 2
    members.forEach((each, index) =>
      nodes.set(each.id, { id: each.id, kind: 'service', column: 'service', y: first + index * ROW, stack }),
    )
    place(own, byNetwork, nodes, 'own', first, first + (rows - 1) * ROW)
    const height = HEAD + rows * ROW + 8
    groups.push({ stack, top, height })
    top += height + GAP
  }
  const shared = graph.networks.filter((each) => !isOwn(each))
  const last = Math.max(top - GAP - ROW / 2, HEAD + (shared.length - 0.5) * ROW)
  place(shared, byNetwork, nodes, 'shared', HEAD + ROW / 2, last)
  const between = [...nodes.values()].filter((each) => each.column === 'own').map((each) => each.y)
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [nodes.get(edge.service), nodes.get(edge.network)]
    return from && to ? [{ service: edge.service, network: edge.network, path: draw(from, to, between) }] : []
  })
  return { nodes, edges, groups, height: Math.max(top, last + ROW) }
}

function byStack(a: string | null, b: string | null): number {
  return Number(a === null) - Number(b === null) || compare(a, b)
}

/** Put services that are on the same networks beside one another, so that few lines cross. */
function arrange(services: GraphService[], graph: Graph): GraphService[] {
  const order = new Map(graph.networks.map((each, index) => [each.id, index]))
  const middle = new Map<string, number>()
  for (const [service, edges] of groupBy(graph.edges, (edge) => edge.service)) {
    middle.set(service, edges.reduce((sum, edge) => sum + (order.get(edge.network) ?? 0), 0) / edges.length)
  }
  return [...services].sort((a, b) => (middle.get(a.id) ?? Infinity) - (middle.get(b.id) ?? Infinity) || compare(a.name, b.name))
}

/** Place networks as near as can be to the middle of their services, with a row between them, inside of bounds. */
function place(
  networks: GraphNetwork[],
  byNetwork: Map<string, Graph['edges']>,
  nodes: Map<string, Placed>,
  column: 'own' | 'shared',
  first: number,
  last: number,
): void {
  const wished = networks
    .map((network) => {
      const ys = (byNetwork.get(network.id) ?? []).flatMap((edge) => nodes.get(edge.service)?.y ?? [])
      return { network, y: ys.length ? ys.reduce((sum, y) => sum + y, 0) / ys.length : last }
    })
    .sort((a, b) => a.y - b.y || compare(a.network.name, b.network.name))
  const ys = wished.map((each) => each.y)
  for (let index = 0; index < ys.length; index += 1) ys[index] = Math.max(ys[index]!, index === 0 ? first : ys[index - 1]! + ROW)
  for (let index = ys.length - 1; index >= 0; index -= 1) ys[index] = Math.min(ys[index]!, index === ys.length - 1 ? last : ys[index + 1]! - ROW)
  wished.forEach(({ network }, index) =>
    nodes.set(network.id, { id: network.id, kind: 'network', column, y: ys[index]!, stack: network.stack }),
  )
}

/** Draw a line from a service to a network; one to the right column leads past the networks in between. */
function draw(from: Placed, to: Placed, between: readonly number[]): string {
  const start = COLUMNS.service.x + COLUMNS.service.width
  const { x, width } = COLUMNS.own
  const begin = `M${start} ${from.y}`
  if (to.column === 'own') return begin + bend(start, from.y, x, to.y)
  const y = passing(from.y, between)
  return `${begin}${bend(start, from.y, x, y)}H${x + width}${bend(x + width, y, COLUMNS.shared.x, to.y)}`
}

function bend(x: number, y: number, toX: number, toY: number): string {
  const middle = (x + toX) / 2
  return `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}`
}

/** Return the height next to another at which no network is in the way; that height itself where they stand too close. */
function passing(y: number, networks: readonly number[]): number {
  const free = [y, ...networks.flatMap((each) => [each - ROW / 2, each + ROW / 2])].filter((each) =>
    networks.every((network) => Math.abs(network - each) > NODE / 2),
  )
  return free.reduce((best, each) => (Math.abs(each - y) < Math.abs(best - y) ? each : best), free[0] ?? y)
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

/** Return what is lit while something is looked at: itself, and what it is tied to. */
export function litBy(id: string, edges: readonly { service: string; network: string }[]): Set<string> {
  const lit = new Set([id])
  for (const edge of edges) {
    if (edge.service === id) lit.add(edge.network)
    if (edge.network === id) lit.add(edge.service)
  }
  return lit
}

/** Return what carries a text in its name, in capital or small letters: services first, as they stand on the page. */
export function find(graph: Graph, layout: Layout, needle: string): string[] {
  const wanted = needle.trim().toLowerCase()
  if (wanted === '') return []
  const place = (id: string): Placed | undefined => layout.nodes.get(id)
  return [...graph.services, ...graph.networks]
    .filter((each) => each.name.toLowerCase().includes(wanted) && place(each.id))
    .map((each) => each.id)
    .sort((a, b) => COLUMNS[place(a)!.column].x - COLUMNS[place(b)!.column].x || place(a)!.y - place(b)!.y)
}

/** Return a name without what the stack puts before it, which stands above already. */
export function shortName(name: string, stack: string | null): string {
  return stack && name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name
}

/** Return where an arrow key leads: up and down in the column, across along the first line. */
export function step(layout: Layout, from: string, key: string): string | null {
  const here = layout.nodes.get(from)
  if (!here) return null
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const column = [...layout.nodes.values()].filter((each) => each.column === here.column).sort((a, b) => a.y - b.y)
    return column[column.indexOf(here) + (key === 'ArrowUp' ? -1 : 1)]?.id ?? null
  }
  if (key === 'ArrowRight' && here.kind === 'service') return layout.edges.find((edge) => edge.service === from)?.network ?? null
  if (key === 'ArrowLeft' && here.kind === 'network') return layout.edges.find((edge) => edge.network === from)?.service ?? null
  return null
}
