/** What something uses, over a span of time that moves on: read once, and continued by what is told live. */
import { computed, ref, shallowRef, toValue, watch, type ComputedRef, type MaybeRefOrGetter, type Ref, type ShallowRef } from 'vue'
import { askHistory, askStats, type Stats, type StatsKind, type StatsRow } from '../../api/monitoring'
import { toProblem, type Problem } from '../../api/problem'
import type { Source } from '../../api/types'
import { liveState, useTopic } from '../../live'
import { now } from '../../now'
import type { Range } from '../chart/plot'
import { chartsByTask, chartsOf, named, withPresent, type Chart } from './charts'

/** What the server itself remembers; only Prometheus knows what was before. */
export const LONGEST_OWN = 86_400
/** What is not continued live is read anew no sooner than after so many seconds. */
const SOONEST = 10
/** The points of a chart are no nearer to each other than makes it so many, or thereabouts. */
const POINTS = 600
/** So many steps without a point are a gap. */
const GAP_STEPS = 3

export interface Figures {
  charts: ComputedRef<Chart[]>
  /** What the charts show when nobody has zoomed. */
  range: ComputedRef<Range>
  gap: ComputedRef<number>
  /** Seconds between two points that were read. */
  step: ComputedRef<number>
  /** What is used at present; null while it is not known. */
  row: ComputedRef<StatsRow | null>
  /** Nodes whose Engine is not heard. */
  silent: ComputedRef<Source[]>
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  load: () => Promise<void>
}

/** Follow what something uses. */
export function useFigures(
  kind: MaybeRefOrGetter<StatsKind>,
  name: MaybeRefOrGetter<string>,
  span: MaybeRefOrGetter<number>,
  byTask: MaybeRefOrGetter<boolean>,
): Figures {
  const topic = useTopic<StatsRow>(() => `stats/${toValue(kind)}/${toValue(name)}`)
  const stats = shallowRef<Stats | null>(null)
  const together = shallowRef<Chart[]>([])
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  // The clock of the server may go before or after this one.
  const ahead = ref(0)
  let loadedAt = 0
  let asked = 0

  const isOwn = computed(() => toValue(span) <= LONGEST_OWN)
  const step = computed(() => stats.value?.step ?? SOONEST)

  async function load(): Promise<void> {
    const number = ++asked
    const since = new Date(Date.now() + ahead.value - toValue(span) * 1000)
    loadedAt = Date.now()
    try {
      const found = await (isOwn.value ? askStats : askHistory)(toValue(kind), toValue(name), since, toValue(byTask))
      if (number !== asked) return
      ahead.value = Date.parse(found.until) - Date.now()
      stats.value = found
      together.value = toValue(byTask) ? [] : chartsOf(found)
      known.value = true
      problem.value = null
    } catch (error) {
      if (number === asked) problem.value = toProblem(error)
    }
  }

  watch(
    () => [toValue(kind), toValue(name), toValue(span), toValue(byTask)] as const,
    ([ofKind, ofName], before) => {
      // Another span of the same is drawn over what is there; of something else nothing is known yet.
      if (before && (before[0] !== ofKind || before[1] !== ofName)) stats.value = null
      known.value = stats.value !== null && before?.[3] === toValue(byTask)
      void load()
    },
    { immediate: true },
  )

  watch(topic.one, (row) => {
    if (row === null || stats.value === null || toValue(byTask) || !isOwn.value) return
    together.value = withPresent(together.value, row, toValue(span), toValue(span) / POINTS)
  })
  // What was missed while there was no connection is read.
  watch(
    liveState,
    (state, before) => {
      if (state === 'live' && before !== 'live' && known.value) void load()
    },
    { flush: 'sync' },
  )
  watch(now, (time) => {
    const continued = isOwn.value && !toValue(byTask)
    if (!continued && time - loadedAt > Math.max(SOONEST, step.value) * 1000) void load()
  })

  const charts = computed(() => (toValue(byTask) && stats.value ? chartsByTask(stats.value) : named(together.value)))
  const range = computed(() => {
    const last = Math.max(0, ...charts.value.map((chart) => chart.series.times.at(-1) ?? 0))
    const to = Math.max(last, (now.value + ahead.value) / 1000)
    return { from: to - toValue(span), to }
  })
  const gap = computed(() => GAP_STEPS * Math.max(step.value, stats.value?.pace ?? 0))
  const silent = computed(() => {
    const told = topic.known.value && topic.sources.value.length ? topic.sources.value : (stats.value?.sources ?? [])
    return told.filter((source) => source.state !== 'fresh')
  })
  return { charts, range, gap, step, row: topic.one, silent, known, problem, load }
}
