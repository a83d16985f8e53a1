/** The list that a page shows: followed where there is a topic of it, else asked when there is a reason to. */
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { askUrl } from '../../api/client'
import { toProblem, type Problem } from '../../api/problem'
import { useTopic } from '../../live'
import type { Item } from './page'

/** How many items a list answers with at the most; longer ones come in pages. */
const MOST = 1000
const PAGE = 100

export interface Wish {
  sort: string
  q: string
  offset: number
}

export interface Source {
  rows: ComputedRef<readonly Item[]>
  known: ComputedRef<boolean>
  problem: ComputedRef<Problem | null>
  /** Set where the list is too long to be here whole, so that the server sorts and filters it. */
  paging: ComputedRef<{ offset: number; limit: number; total: number } | null>
  /** How many items there are without a filter. */
  whole: ComputedRef<number>
  /** What the server does not sort by. */
  unsorted: ShallowRef<ReadonlySet<string>>
  /** Ask again, because something was done. */
  renew: () => void
}

interface Answer {
  items: Item[]
  total: number
}

/** Return the topic that sends a list, if there is one: that of `/api/v1/freezes` would be called `freezes`. */
export function topicOf(url: string): string | null {
  return /^\/api\/v1\/([^/?#]+)$/.exec(url)?.[1] ?? null
}

/** Return the address of a part of a list. */
export function partOf(url: string, query: Record<string, string | number>): string {
  const address = new URL(url, location.origin)
  for (const [name, value] of Object.entries(query)) {
    if (value !== '') address.searchParams.set(name, String(value))
  }
  return address.pathname + address.search
}

/** Read a list for as long as the component lives. */
export function useSource(url: string, wish: () => Wish): Source {
  const name = ref(topicOf(url))
  const topic = useTopic<Item>(name)
  const asked = useAsked(url, wish)
  // A list without a topic, or one that may not be followed, is asked; if that is refused too, it is told why.
  watch(topic.problem, (problem) => {
    if (problem) name.value = null
  })
  watch(
    () => name.value === null,
    (start) => {
      if (start) asked.begin()
    },
    { immediate: true },
  )
  const followed = computed(() => name.value !== null)
  return {
    rows: computed(() => (followed.value ? topic.list.value : asked.rows.value)),
    known: computed(() => (followed.value ? topic.known.value : asked.known.value)),
    problem: computed(() => (followed.value ? null : asked.problem.value)),
    paging: computed(() => {
      if (followed.value || !asked.paged.value) return null
      return { offset: wish().offset, limit: PAGE, total: asked.total.value }
    }),
    whole: computed(() => (followed.value ? topic.list.value.length : asked.whole.value)),
    unsorted: asked.unsorted,
    renew: () => {
      if (!followed.value) void asked.load()
    },
  }
}

interface Asked {
  rows: ShallowRef<readonly Item[]>
  known: Ref<boolean>
  problem: ShallowRef<Problem | null>
  paged: Ref<boolean>
  total: Ref<number>
  whole: Ref<number>
  unsorted: ShallowRef<ReadonlySet<string>>
  begin: () => void
  load: () => Promise<void>
}

function useAsked(url: string, wish: () => Wish): Asked {
  const rows = shallowRef<readonly Item[]>([])
  const known = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const paged = ref(false)
  const total = ref(0)
  const whole = ref(0)
  const unsorted = shallowRef<ReadonlySet<string>>(new Set())
  let begun = false
  let latest = 0

  const readPart = async (): Promise<Answer> => {
    const { sort, q, offset } = wish()
    const member = sort.replace(/^-/, '')
    const order = unsorted.value.has(member) ? '' : sort
    try {
      const part = await askList(partOf(url, { limit: PAGE, offset, sort: order, q }))
      if (q === '') whole.value = part.total
      return part
    } catch (error) {
      // Which members a list can be sorted by is known once it was asked to.
      if (order === '' || !toProblem(error).details.errors?.some((each) => each.pointer === '/sort')) throw error
      unsorted.value = new Set([...unsorted.value, member])
      return readPart()
    }
  }

  const read = async (): Promise<Answer> => {
    if (paged.value) return readPart()
    const all = await askList(partOf(url, { limit: MOST }))
    whole.value = all.total
    paged.value = all.total > all.items.length
    return paged.value ? readPart() : all
  }

  const load = async (): Promise<void> => {
    latest += 1
    const mine = latest
    try {
      const answered = await read()
      if (mine !== latest) return
      rows.value = answered.items
      total.value = answered.total
      known.value = true
      problem.value = null
    } catch (error) {
      if (mine === latest) problem.value = toProblem(error)
    }
  }

  const onVisible = (): void => {
    if (begun && document.visibilityState === 'visible') void load()
  }
  document.addEventListener('visibilitychange', onVisible)
  onScopeDispose(() => document.removeEventListener('visibilitychange', onVisible))
  watch(
    () => JSON.stringify(wish()),
    () => {
      if (paged.value) void load()
    },
  )
  const begin = (): void => {
    begun = true
    void load()
  }
  return { rows, known, problem, paged, total, whole, unsorted, begin, load }
}

/** Ask a list, which may also be a bare array. */
async function askList(url: string): Promise<Answer> {
  const answered = await askUrl<Answer | Item[] | null>(url)
  if (Array.isArray(answered)) return { items: answered, total: answered.length }
  if (!Array.isArray(answered?.items)) throw new Error(`${url} answers with no list.`)
  return { items: answered.items, total: answered.total ?? answered.items.length }
}
