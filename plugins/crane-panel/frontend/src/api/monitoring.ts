/** Asking what is used, what happened and what is amiss. */
import { api, ask, askUrl } from './client'
import type { components } from './schema'

type Schemas = components['schemas']

/** What is measured, by the names that the API calls it. */
export type FigureName =
  | 'cpu'
  | 'memory'
  | 'network_received'
  | 'network_sent'
  | 'disk_read'
  | 'disk_written'
  | 'pids'

/** What has figures. */
export type StatsKind = 'nodes' | 'stacks' | 'services' | 'tasks' | 'containers'

/** What something uses at present; null is not known. */
export type StatsRow = Schemas['Usage']

/** What something used over a span of time; what is read from Prometheus has neither pace nor sources. */
export type Stats = Pick<Schemas['Stats'], 'since' | 'until' | 'step'> &
  Partial<Pick<Schemas['Stats'], 'pace' | 'sources'>> & { figures: StatsFigure[] }

export interface StatsFigure {
  name: FigureName
  unit: string
  series: { task: string | null; task_id: string | null; points: Point[] }[]
}

/** When, in seconds since 1970, and how much. */
export type Point = [number, number]

/** Something that happened; events.lost stands for a hole. */
export type HappenedEvent = Schemas['Event']
export type Diagnosis = Schemas['Doctor']
export type Check = Schemas['Examined']
export type Finding = Schemas['Finding']
export type Dashboard = Schemas['Dashboard']

/** Return what everything of a kind uses, and how that went lately; of very many, the first thousand by name. */
export async function askCourses(kind: StatsKind): Promise<StatsRow[]> {
  return (await askUrl<{ items: StatsRow[] }>(`/api/v1/stats/${kind}?course=true&limit=1000&sort=name`)).items
}

/** Return what something used since a moment. */
export function askStats(kind: StatsKind, name: string, since: Date, byTask: boolean): Promise<Stats> {
  return askUrl(`/api/v1/stats/${kind}/${pathOf(kind, name)}?${query(since, byTask)}`)
}

/** Return what something used since a moment that only Prometheus remembers. */
export function askHistory(kind: StatsKind, name: string, since: Date, byTask: boolean): Promise<Stats> {
  return askUrl(`/api/v1/stats-history/${kind}/${encodeURIComponent(name)}?${query(since, byTask)}`)
}

/** Tell whether there is a Prometheus that remembers what was used. */
export async function askRemembered(): Promise<boolean> {
  return (await ask(api.GET('/api/v1/stats-history'))).remembered
}

function query(since: Date, byTask: boolean): string {
  return new URLSearchParams({ since: since.toISOString(), by: byTask ? 'task' : 'all' }).toString()
}

/** A container may be named with its node: node/name. */
function pathOf(kind: StatsKind, name: string): string {
  return kind === 'containers' ? name.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(name)
}

/** Return events before or after another that is known by its cursor, the oldest first. */
export async function askEvents(side: 'before' | 'after', cursor: string, limit: number): Promise<HappenedEvent[]> {
  const asked = new URLSearchParams({ [side]: cursor, limit: String(limit) })
  return (await askUrl<{ items: HappenedEvent[] }>(`/api/v1/events?${asked.toString()}`)).items
}

/** Return what the doctor finds: what it found within the last minute, unless it shall look again. */
export function askDoctor(fresh: boolean): Promise<Diagnosis> {
  return ask(api.GET('/api/v1/doctor', { params: { query: { fresh } } }))
}

/** Return how the Swarm fares, in one answer. */
export function askDashboard(): Promise<Dashboard> {
  return ask(api.GET('/api/v1/dashboard'))
}
