/** The page of the timeline: what happened, the newest first; and one line with what it changed and how it ended. */
import { computed, h, ref, watch } from 'vue'
import { RouterLink } from 'vue-router'

const SOURCE = '/api/v1/timeline'
const PAGE = 200
/** The filters, each of which stands in the address. */
const FILTERS = ['kind', 'by', 'stack', 'name', 'operation', 'since']
const HOURS = { hour: 1, day: 24, week: 24 * 7, month: 24 * 30 }
const OBJECTS = new Set(['service', 'network', 'config', 'secret', 'node', 'plan', 'task', 'stack', 'operation', 'timeline'])
const KINDS = ['operation.*', 'stack.*', 'service.*', 'node.*', 'request.*', 'request.refused', 'access.denied', 'plan.created', 'engine.*', 'history.*']

/** Return the query with which the server is asked for lines. */
export function queryOf(filters, { after = null, limit = PAGE, q = '', now = Date.now() } = {}) {
  const query = new URLSearchParams()
  for (const name of FILTERS) {
    if (!filters[name]) continue
    const hours = name === 'since' ? HOURS[filters.since] : undefined
    query.set(name, hours ? new Date(now - hours * 3_600_000).toISOString() : filters[name])
  }
  if (q) query.set('q', q)
  if (limit) query.set('limit', limit)
  if (after !== null) query.set('after', after)
  return query.toString()
}

/** Tell whether a line that has just come is among those that are asked for. */
export function matches(line, filters, q = '') {
  const { kind, since } = filters
  if (kind && !kind.split(',').some((each) => (each.endsWith('.*') ? line.kind.startsWith(each.slice(0, -1)) : line.kind === each))) return false
  if (['by', 'stack', 'name', 'operation'].some((member) => filters[member] && line[member] !== filters[member])) return false
  // What has just come is within any span of time; a moment may lie in the future.
  if (since && !HOURS[since] && line.at < since) return false
  const needle = q.toLowerCase()
  return !needle || [line.name, line.kind, line.what, line.by, line.stack].some((text) => (text ?? '').toLowerCase().includes(needle))
}

/** Return all lines once, the newest first. */
export function merge(...several) {
  const found = new Map(several.flat().map((line) => [line.number, line]))
  return [...found.values()].sort((a, b) => b.number - a.number)
}

/** Return the page of the panel that shows what a line is about; empty where there is none. */
export function linkOf(line) {
  const name = encodeURIComponent(line.name)
  if (line.operation && line.target === 'operation') return `/operations/${line.operation}`
  if (line.target === 'plan') return line.id ? `/plans/${line.id}` : ''
  if (line.target === 'task') return line.id ? `/tasks/${line.id}` : ''
  return { service: `/services/${name}`, stack: `/stacks/${name}`, node: `/nodes/${name}` }[line.name ? line.target : ''] ?? ''
}

/** Return how a line looks: its state, if it is one that the panel knows, or whether it was refused. */
export function standingOf(line) {
  if (line.kind === 'access.denied' || line.kind === 'request.refused') return 'failed'
  if (line.kind === 'engine.lost') return 'down'
  return /^[a-z-]+$/.test(line.outcome) ? line.outcome : ''
}

/** Return what several lines of one operation tell of it: its changes, and the verdict; null while there is none. */
export function wholeOf(lines) {
  const details = lines.map((line) => line.detail ?? {})
  return {
    changes: details.flatMap((detail) => detail.changes ?? []),
    verdict: details.find((detail) => detail.verdict)?.verdict ?? null,
  }
}

const ENGLISH = {
  intro: 'What was changed, what was asked for and refused, and what happened by itself. No line can be removed unseen.',
  number: 'Number', at: 'When', kind: 'What happened', object: 'Object', by: 'By', outcome: 'Outcome', what: 'Asked for',
  address: 'From', stack: 'Stack', operation: 'Operation', hash: 'Hash', kindName: 'Kind', previous: 'Hash of the line before',
  anyKind: 'Any kind', anyTime: 'Any time', hour: 'Last hour', day: 'Last day', week: 'Last week', month: 'Last 30 days',
  kindFilter: 'Kind', timeFilter: 'Time',
  older: 'Show older lines', all: 'These are all.', export: 'Export as CSV', check: 'Check', checking: 'Checking …',
  intact: '{n|line|lines} checked, {first} to {last}: all are there as they were written.', broken: 'The timeline is broken.',
  none: 'Nothing happened yet', noneDetail: 'What is changed through Crane, and what happens in the Swarm, will be shown here.',
  changes: 'Before and after', verdict: 'Verdict', related: 'Of the same operation', raw: 'The line as it is kept', shortened: 'The fields were too long to be kept.',
  line: 'Line {n}', swarm: 'the Swarm',
  'operation.*': 'Operations', 'stack.*': 'Stacks', 'service.*': 'Services', 'node.*': 'Nodes', 'request.*': 'Requests',
  'engine.*': 'The Engine', 'history.*': 'The timeline itself',
  'request.answered': 'Request answered', 'request.refused': 'Request refused', 'access.denied': 'Access denied',
  'operation.started': 'Operation started', 'operation.ended': 'Operation ended', 'plan.created': 'Plan made',
  'stack.deployed': 'Stack deployed', 'stack.removed': 'Stack removed',
  'service.created': 'Service created', 'service.updated': 'Service changed', 'service.removed': 'Service removed',
  'network.created': 'Network created', 'network.updated': 'Network changed', 'network.removed': 'Network removed',
  'config.created': 'Config created', 'config.updated': 'Config changed', 'config.removed': 'Config removed',
  'secret.created': 'Secret created', 'secret.updated': 'Secret changed', 'secret.removed': 'Secret removed',
  'node.changed': 'Node changed', 'engine.lost': 'Engine lost', 'engine.returned': 'Engine is back',
  'history.dropped': 'Lines were lost', 'history.shortened': 'Old lines removed',
  create: 'Create', update: 'Update', remove: 'Remove', title: 'Timeline', unfilter: 'Remove the filter {name}',
  service: 'service', network: 'network', config: 'config', secret: 'secret', node: 'node', plan: 'plan', task: 'task',
  timeline: 'timeline',
}
const CHINESE = {
  intro: '什么被更改了，什么被请求和拒绝了，什么自行发生了。没有一行能被悄悄删除。',
  number: '编号', at: '时间', kind: '发生了什么', object: '对象', by: '操作者', outcome: '结果', what: '请求',
  address: '来自', stack: '堆栈', operation: '操作', hash: '哈希', kindName: '类型', previous: '前一行的哈希',
  anyKind: '任何类型', anyTime: '任何时间', hour: '最近一小时', day: '最近一天', week: '最近一周', month: '最近 30 天',
  kindFilter: '类型', timeFilter: '时间',
  older: '显示更早的行', all: '已全部显示。', export: '导出为 CSV', check: '检查', checking: '正在检查…',
  intact: '已检查 {n} 行（{first} 到 {last}）：全部与写入时一致。', broken: '时间线已损坏。',
  none: '还没有发生任何事', noneDetail: '通过 Crane 所做的更改以及 Swarm 中发生的事都会显示在这里。',
  changes: '更改前后', verdict: '结论', related: '同一操作的其他行', raw: '保存的原始行', shortened: '字段太长，未能保存。',
  line: '第 {n} 行', swarm: 'Swarm',
  'operation.*': '操作', 'stack.*': '堆栈', 'service.*': '服务', 'node.*': '节点', 'request.*': '请求',
  'engine.*': '引擎', 'history.*': '时间线本身',
  'request.answered': '请求已答复', 'request.refused': '请求被拒绝', 'access.denied': '访问被拒绝',
  'operation.started': '操作已开始', 'operation.ended': '操作已结束', 'plan.created': '计划已制定',
  'stack.deployed': '堆栈已部署', 'stack.removed': '堆栈已删除',
  'service.created': '服务已创建', 'service.updated': '服务已更改', 'service.removed': '服务已删除',
  'network.created': '网络已创建', 'network.updated': '网络已更改', 'network.removed': '网络已删除',
  'config.created': '配置已创建', 'config.updated': '配置已更改', 'config.removed': '配置已删除',
  'secret.created': '密钥已创建', 'secret.updated': '密钥已更改', 'secret.removed': '密钥已删除',
  'node.changed': '节点已变化', 'engine.lost': '引擎失联', 'engine.returned': '引擎已恢复',
  'history.dropped': '有行丢失', 'history.shortened': '旧行已移除',
  create: '创建', update: '更改', remove: '移除', title: '时间线', unfilter: '移除筛选条件 {name}',
  service: '服务', network: '网络', config: '配置', secret: '密钥', node: '节点', plan: '计划', task: '任务',
  timeline: '时间线',
}

export default function (ctx) {
  const { Button, ChoiceFilter, DataTable, EmptyState, FactList, Moment, PageHead, ProblemBox, RawData, StateMark } = ctx.parts
  const t = ctx.words(ENGLISH, CHINESE)
  const say = (word) => (word in ENGLISH ? t(word) : word)
  const sayObject = (kind) => (OBJECTS.has(kind) ? t(kind).toLowerCase() : kind)
  const objectOf = (line) => [line.target && sayObject(line.target), line.name].filter(Boolean).join(' ')
  const link = (to, text) => (to ? h(RouterLink, { to, title: text, class: 'ellipsis' }, () => text) : h('span', { title: text, class: 'ellipsis' }, text))
  const lineLink = (line) => link(`${ctx.page.path}/${line.number}`, say(line.kind))
  const outcome = (line) => {
    const state = standingOf(line)
    if (!state) return h('span', { class: 'quiet ellipsis' }, line.outcome)
    // A state has its own word in the panel; the status of an answer has none.
    return h(StateMark, { state, ...(state === line.outcome ? {} : { text: line.outcome || say(line.kind) }) })
  }
  const columns = [
    { key: 'at', title: () => t('at'), value: (line) => line.at, text: (line) => ctx.format.clock(line.at), width: 105, narrow: true },
    { key: 'kind', title: () => t('kind'), value: (line) => line.kind, text: (line) => say(line.kind), narrow: true },
    { key: 'object', title: () => t('object'), value: objectOf },
    { key: 'by', title: () => t('by'), value: (line) => line.by, text: (line) => line.by || t('swarm'), width: 120 },
    { key: 'outcome', title: () => t('outcome'), value: (line) => line.outcome, width: 150 },
    { key: 'what', title: () => t('what'), value: (line) => line.what },
    { key: 'address', title: () => t('address'), value: (line) => line.address, optional: true, width: 130 },
    { key: 'stack', title: () => t('stack'), value: (line) => line.stack, optional: true, width: 130 },
    { key: 'operation', title: () => t('operation'), value: (line) => line.operation, optional: true },
    { key: 'number', title: () => t('number'), value: (line) => line.number, align: 'right', optional: true, width: 100 },
    { key: 'name', title: () => t('kindName'), value: (line) => line.kind, optional: true },
    { key: 'hash', title: () => t('hash'), value: (line) => line.hash, optional: true },
  ]
  const cells = {
    'cell-at': ({ row }) => h(Moment, { at: row.at }),
    'cell-kind': ({ row }) => lineLink(row),
    'cell-object': ({ row }) => link(linkOf(row), objectOf(row)),
    'cell-outcome': ({ row }) => outcome(row),
  }
  const table = (more, slots = {}) => h(DataTable, { columns, rowKey: (line) => String(line.number), rowName: (line) => `${say(line.kind)} ${objectOf(line)}`, order: '-at', ...more }, { ...cells, ...slots })

  function useList() {
    const filters = Object.fromEntries(FILTERS.map((name) => [name, ctx.useQueryValue(name)]))
    const q = ctx.useQueryValue('q')
    const chosen = computed(() => Object.fromEntries(FILTERS.map((name) => [name, filters[name].value])))
    const read = ref([])
    const next = ref(null)
    const known = ref(false)
    const busy = ref(false)
    const problem = ref(null)
    const newest = ctx.useTopic('timeline')
    let asked = 0

    async function ask(after) {
      const mine = ++asked
      busy.value = true
      try {
        const page = await ctx.ask(`${SOURCE}?${queryOf(chosen.value, { after, q: q.value })}`)
        // Another question may have been asked since.
        if (mine !== asked) return
        read.value = after === null ? page.items : merge(read.value, page.items)
        next.value = page.next
        problem.value = null
        known.value = true
      } catch (error) {
        if (mine === asked) problem.value = error
      } finally {
        if (mine === asked) busy.value = false
      }
    }
    // While somebody types, each letter would ask anew.
    let waiting = 0
    watch(q, () => {
      clearTimeout(waiting)
      waiting = setTimeout(() => ask(null), 300)
    })
    watch(chosen, () => ask(null))
    // The topic has the newest lines only: after a long absence there may be others between these and what was read.
    let seen = 0
    watch(newest.list, (list) => {
      const numbers = list.map((line) => line.number)
      if (seen > 0 && Math.min(...numbers) > seen + 1) ask(null)
      seen = Math.max(seen, ...numbers)
    })
    ask(null)

    const lines = computed(() => {
      // Between what was read and what is followed there must be no gap.
      const oldest = next.value ?? 0
      return merge(read.value, newest.list.value.filter((line) => line.number > oldest && matches(line, chosen.value, q.value)))
    })
    const clear = () => FILTERS.forEach((name) => (filters[name].value = ''))
    return { filters, chosen, q, lines, next, known, busy, problem, ask, clear }
  }

  function useCheck() {
    const found = ref(null)
    const busy = ref(false)
    const check = async () => {
      busy.value = true
      try {
        found.value = { proof: await ctx.ask(`${SOURCE}/check`) }
      } catch (problem) {
        found.value = { problem }
      }
      busy.value = false
    }
    const said = () => {
      if (!found.value) return null
      const { proof, problem } = found.value
      if (problem) return h(ProblemBox, { problem })
      const text = proof.intact ? t('intact', { n: proof.lines, first: proof.first, last: proof.last }) : `${t('broken')} ${proof.broken.detail}`
      return h('p', { role: 'status', 'data-intact': proof.intact, class: 'row' }, [h(StateMark, { state: proof.intact ? 'ok' : 'failed', text })])
    }
    return { busy, check, said }
  }

  const All = {
    setup() {
      const list = useList()
      const checking = useCheck()
      const choice = (name, label, all, options) =>
        h(ChoiceFilter, { label, all, options, modelValue: list.filters[name].value, 'data-filter': name, 'onUpdate:modelValue': (value) => (list.filters[name].value = value) })
      const chips = () =>
        ['by', 'stack', 'name', 'operation']
          .filter((name) => list.filters[name].value)
          .map((name) =>
            h(Button, { size: 'small', 'data-chip': name, title: t('unfilter', { name: list.filters[name].value }), onClick: () => (list.filters[name].value = '') }, () => `${t(name === 'name' ? 'object' : name)}: ${list.filters[name].value} ×`),
          )
      const filters = () => [
        choice('kind', t('kindFilter'), t('anyKind'), KINDS.map((kind) => ({ value: kind, text: say(kind) }))),
        choice('since', t('timeFilter'), t('anyTime'), Object.keys(HOURS).map((span) => ({ value: span, text: t(span) }))),
        ...chips(),
      ]
      const exported = () => `${SOURCE}/export?format=csv&${queryOf(list.chosen.value, { limit: 0, q: list.q.value })}`
      const empty = () => h(EmptyState, { kind: 'none', title: t('none'), detail: t('noneDetail') })
      const filtered = () => FILTERS.some((name) => list.filters[name].value) || list.q.value !== ''
      return () =>
        h('div', { class: 'column' }, [
          h(PageHead, { title: t('title') }, {
            detail: () => t('intro'),
            default: () => [
              h(Button, { tag: 'a', href: exported(), download: '' }, () => t('export')),
              h(Button, { disabled: checking.busy.value, onClick: checking.check }, () => t(checking.busy.value ? 'checking' : 'check')),
            ],
          }),
          checking.said(),
          table(
            {
              id: 'timeline',
              label: t('title'),
              rows: list.lines.value,
              known: list.known.value,
              problem: list.problem.value,
              // More than nothing, so that an empty table says that a filter is the reason.
              unfiltered: filtered() ? Math.max(1, list.lines.value.length) : list.lines.value.length,
              onClearFilters: list.clear,
            },
            { filters, empty },
          ),
          list.next.value !== null
            ? h('p', [h(Button, { disabled: list.busy.value, 'data-older': '', onClick: () => list.ask(list.next.value) }, () => t('older'))])
            : list.lines.value.length > 0
              ? h('p', { class: 'quiet small' }, t('all'))
              : null,
        ])
    },
  }

  const One = {
    props: { number: { type: String, required: true } },
    setup(props) {
      const line = ref(null)
      const problem = ref(null)
      const read = async () => {
        const wanted = props.number
        try {
          const found = await ctx.ask(`${SOURCE}/${encodeURIComponent(wanted)}`)
          if (wanted === props.number) [line.value, problem.value] = [found, null]
        } catch (error) {
          if (wanted === props.number) [line.value, problem.value] = [null, error]
        }
      }
      watch(() => props.number, read, { immediate: true })
      const facts = (one) =>
        [
          { key: 'at', title: t('at'), value: one.at },
          { key: 'kindName', title: t('kindName'), value: one.kind },
          { key: 'object', title: t('object'), value: objectOf(one) },
          { key: 'stack', title: t('stack'), value: one.stack },
          { key: 'by', title: t('by'), value: one.by || t('swarm') },
          { key: 'address', title: t('address'), value: one.address },
          { key: 'what', title: t('what'), value: one.what },
          { key: 'outcome', title: t('outcome'), value: one.outcome },
          { key: 'operation', title: t('operation'), value: one.operation },
          { key: 'hash', title: t('hash'), value: one.hash, mono: true },
          { key: 'previous', title: t('previous'), value: one.previous, mono: true },
        ].filter((fact) => fact.value)
      const slots = (one) => ({
        at: () => [h(Moment, { at: one.at }), ` (${ctx.format.clock(one.at)})`],
        object: () => link(linkOf(one), objectOf(one)),
        stack: () => link(one.stack ? `/stacks/${encodeURIComponent(one.stack)}` : '', one.stack),
        outcome: () => outcome(one),
        operation: () => link(`/operations/${one.operation}`, one.operation),
        hash: () => h('span', { style: 'overflow-wrap: anywhere' }, one.hash),
        previous: () => h('span', { style: 'overflow-wrap: anywhere' }, one.previous),
      })
      const field = (each) => [
        h('dt', [h('code', each.path)]),
        ...[['old', '−'], ['new', '+']]
          .filter(([member]) => each[member] !== null && each[member] !== undefined)
          .map(([member, sign]) => h('dd', { 'data-side': member }, [h('code', { style: 'overflow-wrap: anywhere; white-space: pre-wrap' }, `${sign} ${typeof each[member] === 'string' ? each[member] : JSON.stringify(each[member])}`)])),
      ]
      const change = (each) =>
        h('section', { class: 'column', 'data-change': `${each.kind} ${each.name}` }, [
          h('h3', `${say(each.action)} ${sayObject(each.kind)} ${each.name}`),
          each.fields === undefined ? h('p', { class: 'quiet' }, t('shortened')) : each.fields.length === 0 ? null : h('dl', each.fields.flatMap(field)),
        ])
      const body = (one) => {
        const { changes, verdict } = wholeOf([one, ...one.related])
        const { related, ...alone } = one
        return [
          h(FactList, { facts: facts(one) }, slots(one)),
          verdict ? h('section', { class: 'column' }, [h('h2', t('verdict')), h('p', { class: 'row' }, [h(StateMark, { state: verdict.outcome }), ` ${verdict.cause}`])]) : null,
          changes.length > 0 ? h('section', { class: 'column' }, [h('h2', t('changes')), ...changes.map(change)]) : null,
          related.length > 0 ? h('section', { class: 'column' }, [h('h2', t('related')), table({ id: 'timeline-related', label: t('related'), rows: related, order: 'at', plain: true })]) : null,
          h('details', [h('summary', t('raw')), h(RawData, { value: alone, label: t('raw') })]),
        ]
      }
      return () =>
        h('div', { class: 'column' }, [
          h(PageHead, { title: line.value ? say(line.value.kind) : t('line', { n: props.number }), above: [{ title: t('title'), path: ctx.page.path }] }),
          problem.value ? h(ProblemBox, { problem: problem.value, retry: read }) : null,
          ...(line.value ? body(line.value) : []),
        ])
    },
  }

  return {
    // What follows the path of the page in the address: the number of a line.
    props: { rest: { type: String, default: '' } },
    setup: (props) => () => (props.rest ? h(One, { number: props.rest }) : h(All)),
  }
}
