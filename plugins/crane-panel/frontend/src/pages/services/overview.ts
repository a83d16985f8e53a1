/** The spec of a service as facts: names and values in words, with their units. */
import type { Service, UpdateConfig } from '../../api/types'
import { duration, memory } from '../../parts/differences'
import { number, percent } from '../../words'
import { joinWords } from './form/shell'
import { t } from './words'

export interface Fact {
  key: string
  title: string
  value?: string | null
  mono?: boolean
}

/** Leave out what a spec says nothing about. */
function said(facts: (Fact | false | undefined | null)[]): Fact[] {
  return facts.filter((fact): fact is Fact => Boolean(fact) && (fact as Fact).value !== undefined)
}

const time = (value: number | undefined, usual: number): string =>
  value === undefined || value === null ? t('byDefault', { what: duration(usual) }) : duration(value)
const SECOND = 1e9

export function containerFacts(service: Service): Fact[] {
  const container = service.Spec.TaskTemplate?.ContainerSpec ?? {}
  return said([
    { key: 'image', title: t('image'), value: container.Image ?? service.image, mono: true },
    Boolean(container.Command?.length) && { key: 'command', title: t('command'), value: joinWords(container.Command!), mono: true },
    Boolean(container.Args?.length) && { key: 'args', title: t('args'), value: joinWords(container.Args!), mono: true },
    Boolean(container.User) && { key: 'user', title: t('user'), value: container.User!, mono: true },
    Boolean(container.Dir) && { key: 'dir', title: t('dir'), value: container.Dir!, mono: true },
    Boolean(container.Hostname) && { key: 'hostname', title: t('hostname'), value: container.Hostname!, mono: true },
    typeof container.Init === 'boolean' && { key: 'init', title: t('init'), value: container.Init ? t('yes') : t('no') },
    Boolean(container.ReadOnly) && { key: 'readOnly', title: t('readOnly'), value: t('yes') },
    Boolean(container.TTY) && { key: 'tty', title: t('tty'), value: t('yes') },
    { key: 'stopGrace', title: t('stopGrace'), value: time(container.StopGracePeriod, 10 * SECOND) },
    Boolean(container.StopSignal) && { key: 'stopSignal', title: t('stopSignal'), value: container.StopSignal! },
  ])
}

export function placementFacts(service: Service): Fact[] {
  const rules = service.Spec.TaskTemplate?.Placement ?? {}
  const spread = (rules.Preferences ?? []).map((each) => t('spread', { what: each.Spread?.SpreadDescriptor ?? '?' }))
  const platforms = ((rules.Platforms ?? []) as { OS?: string; Architecture?: string }[]).map((each) =>
    [each.OS, each.Architecture].filter(Boolean).join('/'),
  )
  return said([
    { key: 'constraints', title: t('constraints'), value: rules.Constraints?.join('\n') || t('anyNode'), mono: Boolean(rules.Constraints?.length) },
    spread.length > 0 && { key: 'preferences', title: t('preferences'), value: spread.join('\n') },
    Boolean(rules.MaxReplicas) && { key: 'maxReplicas', title: t('maxReplicas'), value: number(rules.MaxReplicas!) },
    platforms.length > 0 && { key: 'platforms', title: t('platforms'), value: [...new Set(platforms)].join(', ') },
  ])
}

export function resourceFacts(service: Service): Fact[] {
  const { Limits, Reservations } = service.Spec.TaskTemplate?.Resources ?? {}
  return [
    { key: 'limits', title: t('limits'), value: amount(Limits) },
    { key: 'reservations', title: t('reservations'), value: amount(Reservations) },
  ]
}

interface Amount {
  NanoCPUs?: number
  MemoryBytes?: number
  Pids?: number
  GenericResources?: unknown[]
}

function amount(resources: Amount | undefined): string {
  const parts: string[] = []
  if (resources?.NanoCPUs) parts.push(t('cpus', { n: resources.NanoCPUs / 1e9 }))
  if (resources?.MemoryBytes) parts.push(memory(resources.MemoryBytes))
  if (resources?.Pids) parts.push(t('pids', { n: resources.Pids }))
  for (const generic of (resources?.GenericResources ?? []) as GenericResource[]) {
    const { Kind, Value } = generic.DiscreteResourceSpec ?? generic.NamedResourceSpec ?? {}
    if (Kind) parts.push(`${Kind}=${Value ?? ''}`)
  }
  return parts.join(' · ') || t('unlimited')
}

interface GenericResource {
  DiscreteResourceSpec?: { Kind?: string; Value?: number }
  NamedResourceSpec?: { Kind?: string; Value?: string }
}

export function restartFacts(service: Service): Fact[] {
  const policy = service.Spec.TaskTemplate?.RestartPolicy ?? {}
  return [
    { key: 'condition', title: t('condition'), value: policy.Condition || t('byDefault', { what: 'any' }) },
    { key: 'delay', title: t('delay'), value: time(policy.Delay, 5 * SECOND) },
    { key: 'attempts', title: t('attemptsMax'), value: policy.MaxAttempts ? number(policy.MaxAttempts) : t('endless') },
    { key: 'window', title: t('window'), value: time(policy.Window, 0) },
  ]
}

export function updateFacts(rules: UpdateConfig | undefined): Fact[] {
  const parallel = rules ? (rules.Parallelism ?? 0) : undefined
  return [
    {
      key: 'parallelism',
      title: t('parallelism'),
      value: parallel === undefined ? t('byDefault', { what: '1' }) : parallel === 0 ? t('allAtOnce') : number(parallel),
    },
    { key: 'delay', title: t('delay'), value: time(rules?.Delay, 0) },
    { key: 'failureAction', title: t('failureAction'), value: rules?.FailureAction || t('byDefault', { what: 'pause' }) },
    { key: 'monitor', title: t('monitor'), value: time(rules?.Monitor || undefined, 5 * SECOND) },
    { key: 'order', title: t('order'), value: rules?.Order || t('byDefault', { what: 'stop-first' }) },
    { key: 'ratio', title: t('ratio'), value: percent(100 * (rules?.MaxFailureRatio ?? 0), { maximumFractionDigits: 1 }) },
  ]
}

/** The healthcheck as facts; null where it is turned off, or the image's own. */
export function healthFacts(service: Service): Fact[] | null {
  const check = service.Spec.TaskTemplate?.ContainerSpec?.Healthcheck
  const [kind, ...words] = check?.Test ?? []
  if (kind === 'NONE' || !check) return null
  return said([
    { key: 'test', title: t('test'), value: kind === undefined ? t('healthImage') : kind === 'CMD-SHELL' ? words.join(' ') : joinWords(words), mono: kind !== undefined },
    { key: 'interval', title: t('interval'), value: time(check.Interval || undefined, 30 * SECOND) },
    { key: 'timeout', title: t('timeout'), value: time(check.Timeout || undefined, 30 * SECOND) },
    { key: 'retries', title: t('retries'), value: check.Retries ? number(check.Retries) : t('byDefault', { what: '3' }) },
    Boolean(check.StartPeriod) && { key: 'startPeriod', title: t('startPeriod'), value: duration(check.StartPeriod!) },
    Boolean(check.StartInterval) && { key: 'startInterval', title: t('startInterval'), value: duration(check.StartInterval!) },
  ])
}

export function logFacts(service: Service): Fact[] {
  const driver = service.Spec.TaskTemplate?.LogDriver
  const options = Object.entries(driver?.Options ?? {})
  return [
    { key: 'driver', title: t('logDriver'), value: driver?.Name || t('nodeDefault') },
    ...options.map(([name, value]) => ({ key: name, title: name, value, mono: true })),
  ]
}

/** Labels as facts, by name. */
export function labelFacts(labels: Record<string, string> | undefined): Fact[] {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => ({ key: name, title: name, value: value === '' ? '""' : value, mono: true }))
}
