/**
 * What the form of a service shows: each of its fields with its place in the spec, and each of its lists.
 *
 * Everything else that a spec holds is not named here, and so it is kept.
 */
import { shortImage } from '../image'
import { read, write, type Json, type JsonObject, type Kind } from './values'
import type { FormWord } from './words'

export interface Field {
  key: FormWord & string
  path: string[]
  kind: Kind
  /** What can be chosen; the empty text is nothing said. */
  options?: string[]
  /** An example, or what holds when nothing is said. */
  placeholder?: string
  hint?: FormWord
  required?: boolean
  /** Takes the width of the form. */
  wide?: boolean
  /** Reads the value in another way than by its path. */
  from?: (spec: JsonObject) => unknown
}

export interface Column {
  key: string
  title: FormWord
  kind: Kind
  path: string[]
  options?: string[]
  /** What a new row begins with. */
  initial?: string
  /** What the Engine takes when the item says nothing. */
  fallback?: string
  placeholder?: string
  required?: boolean
  /** The value is masked when the cell of this key looks like the name of a secret. */
  secretBy?: string
  /** Chosen once, when the row is added. */
  fixed?: boolean
  /** How much of the room it takes. */
  share?: number
}

export interface List {
  key: FormWord & string
  path: string[]
  /** Items that are objects, texts, or the members of a map. */
  of: 'objects' | 'texts' | 'members'
  columns: Column[]
  add: FormWord
  hint?: FormWord
}

export interface Section {
  key: FormWord & string
  fields: string[]
  lists: string[]
}

const CONTAINER = ['TaskTemplate', 'ContainerSpec']
const inContainer = (...members: string[]): string[] => [...CONTAINER, ...members]
const inTask = (...members: string[]): string[] => ['TaskTemplate', ...members]

function updateFields(prefix: 'update' | 'rollback', member: string): Field[] {
  const actions = prefix === 'update' ? ['', 'pause', 'continue', 'rollback'] : ['', 'pause', 'continue']
  return [
    {
      key: `${prefix}Parallelism`,
      path: [member, 'Parallelism'],
      kind: 'whole',
      placeholder: '1',
      hint: 'parallelismHint',
      // An update of which this is not said takes all tasks at once; without any rules it takes one after the other.
      from: (spec) => (spec[member] ? (at(spec, [member, 'Parallelism']) ?? 0) : undefined),
    },
    { key: `${prefix}Delay`, path: [member, 'Delay'], kind: 'duration', placeholder: '0s' },
    { key: `${prefix}FailureAction`, path: [member, 'FailureAction'], kind: 'text', options: actions },
    { key: `${prefix}Monitor`, path: [member, 'Monitor'], kind: 'duration', placeholder: '5s' },
    { key: `${prefix}Order`, path: [member, 'Order'], kind: 'text', options: ['', 'stop-first', 'start-first'] },
    { key: `${prefix}Ratio`, path: [member, 'MaxFailureRatio'], kind: 'ratio', placeholder: '0' },
  ]
}

export const FIELDS: Field[] = [
  { key: 'name', path: ['Name'], kind: 'text', required: true, hint: 'nameHint' },
  {
    key: 'image',
    path: inContainer('Image'),
    kind: 'text',
    required: true,
    placeholder: 'nginx:1.27',
    hint: 'imageHint',
    from: (spec) => shortImage(String(at(spec, inContainer('Image')) ?? '')),
  },
  { key: 'command', path: inContainer('Command'), kind: 'command', wide: true, hint: 'commandHint' },
  { key: 'args', path: inContainer('Args'), kind: 'command', wide: true, hint: 'argsHint' },
  { key: 'replicas', path: ['Mode', 'Replicated', 'Replicas'], kind: 'whole', placeholder: '1' },
  { key: 'completions', path: ['Mode', 'ReplicatedJob', 'TotalCompletions'], kind: 'whole', placeholder: '1' },
  { key: 'concurrent', path: ['Mode', 'ReplicatedJob', 'MaxConcurrent'], kind: 'whole', placeholder: '1' },
  { key: 'hostname', path: inContainer('Hostname'), kind: 'text', placeholder: '{{.Node.Hostname}}-{{.Task.Slot}}' },
  { key: 'endpointMode', path: ['EndpointSpec', 'Mode'], kind: 'text', options: ['', 'vip', 'dnsrr'], hint: 'endpointModeHint' },
  { key: 'user', path: inContainer('User'), kind: 'text', placeholder: '1000:1000' },
  { key: 'dir', path: inContainer('Dir'), kind: 'text', placeholder: '/app' },
  { key: 'init', path: inContainer('Init'), kind: 'flag', options: ['', 'true', 'false'], hint: 'initHint' },
  { key: 'readOnly', path: inContainer('ReadOnly'), kind: 'switch' },
  { key: 'tty', path: inContainer('TTY'), kind: 'switch' },
  { key: 'maxReplicas', path: inTask('Placement', 'MaxReplicas'), kind: 'whole', hint: 'maxReplicasHint' },
  { key: 'cpuLimit', path: inTask('Resources', 'Limits', 'NanoCPUs'), kind: 'cpus', placeholder: '0.5' },
  { key: 'memoryLimit', path: inTask('Resources', 'Limits', 'MemoryBytes'), kind: 'memory', placeholder: '512M' },
  { key: 'pidsLimit', path: inTask('Resources', 'Limits', 'Pids'), kind: 'whole' },
  { key: 'cpuReservation', path: inTask('Resources', 'Reservations', 'NanoCPUs'), kind: 'cpus', placeholder: '0.25' },
  { key: 'memoryReservation', path: inTask('Resources', 'Reservations', 'MemoryBytes'), kind: 'memory', placeholder: '128M' },
  { key: 'restartCondition', path: inTask('RestartPolicy', 'Condition'), kind: 'text', options: ['', 'any', 'on-failure', 'none'] },
  { key: 'restartDelay', path: inTask('RestartPolicy', 'Delay'), kind: 'duration', placeholder: '5s' },
  { key: 'restartAttempts', path: inTask('RestartPolicy', 'MaxAttempts'), kind: 'whole', hint: 'attemptsHint' },
  { key: 'restartWindow', path: inTask('RestartPolicy', 'Window'), kind: 'duration', placeholder: '0s' },
  { key: 'stopGrace', path: inContainer('StopGracePeriod'), kind: 'duration', placeholder: '10s' },
  { key: 'stopSignal', path: inContainer('StopSignal'), kind: 'text', placeholder: 'SIGTERM' },
  ...updateFields('update', 'UpdateConfig'),
  ...updateFields('rollback', 'RollbackConfig'),
  { key: 'healthTest', path: inContainer('Healthcheck', 'Test'), kind: 'test', wide: true, hint: 'healthTestHint' },
  { key: 'healthInterval', path: inContainer('Healthcheck', 'Interval'), kind: 'duration', placeholder: '30s' },
  { key: 'healthTimeout', path: inContainer('Healthcheck', 'Timeout'), kind: 'duration', placeholder: '30s' },
  { key: 'healthRetries', path: inContainer('Healthcheck', 'Retries'), kind: 'whole', placeholder: '3' },
  { key: 'healthStart', path: inContainer('Healthcheck', 'StartPeriod'), kind: 'duration', placeholder: '0s' },
  { key: 'healthStartInterval', path: inContainer('Healthcheck', 'StartInterval'), kind: 'duration', placeholder: '5s' },
  { key: 'logDriver', path: inTask('LogDriver', 'Name'), kind: 'text', placeholder: 'json-file', hint: 'logDriverHint' },
]

export const LISTS: List[] = [
  {
    key: 'env',
    path: inContainer('Env'),
    of: 'texts',
    add: 'addEnv',
    columns: [
      { key: 'name', title: 'colName', kind: 'text', path: [], required: true, placeholder: 'NAME' },
      { key: 'value', title: 'colValue', kind: 'text', path: [], secretBy: 'name', share: 2 },
    ],
  },
  {
    key: 'ports',
    path: ['EndpointSpec', 'Ports'],
    of: 'objects',
    add: 'addPort',
    columns: [
      { key: 'published', title: 'colPublished', kind: 'port', path: ['PublishedPort'], placeholder: '8080' },
      { key: 'target', title: 'colTargetPort', kind: 'port', path: ['TargetPort'], required: true, placeholder: '80' },
      { key: 'protocol', title: 'colProtocol', kind: 'text', path: ['Protocol'], options: ['tcp', 'udp', 'sctp'], initial: 'tcp', fallback: 'tcp' },
      { key: 'mode', title: 'colPublishMode', kind: 'text', path: ['PublishMode'], options: ['ingress', 'host'], initial: 'ingress', fallback: 'ingress' },
    ],
  },
  {
    key: 'networks',
    path: inTask('Networks'),
    of: 'objects',
    add: 'addNetwork',
    columns: [
      { key: 'target', title: 'colNetwork', kind: 'text', path: ['Target'], required: true, fixed: true },
      { key: 'aliases', title: 'colAliases', kind: 'words', path: ['Aliases'], share: 2 },
    ],
  },
  {
    key: 'mounts',
    path: inContainer('Mounts'),
    of: 'objects',
    add: 'addMount',
    columns: [
      { key: 'type', title: 'colType', kind: 'text', path: ['Type'], options: ['volume', 'bind', 'tmpfs', 'npipe', 'cluster'], initial: 'volume', fallback: 'bind' },
      { key: 'source', title: 'colSource', kind: 'text', path: ['Source'], share: 2 },
      { key: 'target', title: 'colTarget', kind: 'text', path: ['Target'], required: true, placeholder: '/data', share: 2 },
      { key: 'readOnly', title: 'colReadOnly', kind: 'switch', path: ['ReadOnly'] },
    ],
  },
  {
    key: 'constraints',
    path: inTask('Placement', 'Constraints'),
    of: 'texts',
    add: 'addConstraint',
    columns: [{ key: 'text', title: 'colConstraint', kind: 'text', path: [], required: true, placeholder: 'node.role == worker' }],
  },
  {
    key: 'preferences',
    path: inTask('Placement', 'Preferences'),
    of: 'objects',
    add: 'addPreference',
    columns: [
      { key: 'spread', title: 'colSpread', kind: 'text', path: ['Spread', 'SpreadDescriptor'], required: true, placeholder: 'node.labels.zone' },
    ],
  },
  { key: 'labels', path: ['Labels'], of: 'members', add: 'addLabel', columns: memberColumns('com.example.team') },
  { key: 'containerLabels', path: inContainer('Labels'), of: 'members', add: 'addLabel', columns: memberColumns('com.example.team') },
  { key: 'logOptions', path: inTask('LogDriver', 'Options'), of: 'members', add: 'addOption', columns: memberColumns('max-size') },
]

function memberColumns(placeholder: string): Column[] {
  return [
    { key: 'name', title: 'colName', kind: 'text', path: [], required: true, placeholder },
    { key: 'value', title: 'colValue', kind: 'text', path: [], secretBy: 'name' },
  ]
}

export const SECTIONS: Section[] = [
  { key: 'sGeneral', fields: ['name', 'image', 'replicas', 'completions', 'concurrent', 'command', 'args'], lists: [] },
  { key: 'sEnvironment', fields: [], lists: ['env'] },
  { key: 'sNetwork', fields: ['endpointMode', 'hostname'], lists: ['ports', 'networks'] },
  { key: 'sStorage', fields: [], lists: ['mounts'] },
  { key: 'sPlacement', fields: ['maxReplicas'], lists: ['constraints', 'preferences'] },
  { key: 'sResources', fields: ['cpuLimit', 'memoryLimit', 'pidsLimit', 'cpuReservation', 'memoryReservation'], lists: [] },
  { key: 'sRestart', fields: ['restartCondition', 'restartDelay', 'restartAttempts', 'restartWindow', 'stopGrace', 'stopSignal'], lists: [] },
  { key: 'sUpdate', fields: FIELDS.filter((field) => field.path[0] === 'UpdateConfig').map((field) => field.key), lists: [] },
  { key: 'sRollback', fields: FIELDS.filter((field) => field.path[0] === 'RollbackConfig').map((field) => field.key), lists: [] },
  {
    key: 'sHealth',
    fields: ['healthTest', 'healthInterval', 'healthTimeout', 'healthRetries', 'healthStart', 'healthStartInterval'],
    lists: [],
  },
  { key: 'sContainer', fields: ['user', 'dir', 'init', 'readOnly', 'tty'], lists: [] },
  { key: 'sLogging', fields: ['logDriver'], lists: ['logOptions'] },
  { key: 'sLabels', fields: [], lists: ['labels', 'containerLabels'] },
]

const fieldsByKey = new Map(FIELDS.map((field) => [field.key as string, field]))
const listsByKey = new Map(LISTS.map((list) => [list.key as string, list]))

export function fieldOf(key: string): Field {
  return fieldsByKey.get(key)!
}

export function listOf(key: string): List {
  return listsByKey.get(key)!
}

/** Return what stands at a place of a spec; undefined where there is nothing. */
export function at(node: Json | undefined, path: readonly string[]): Json | undefined {
  let found: Json | undefined = node
  for (const member of path) {
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined
    found = found[member]
  }
  return found ?? undefined
}

/** Return the items of a list of a spec: objects, texts, or pairs of name and value. */
export function itemsOf(list: List, spec: JsonObject): Json[] {
  const found = at(spec, list.path)
  if (list.of === 'members') return found && typeof found === 'object' ? Object.entries(found) : []
  if (Array.isArray(found)) return found
  // Before API 1.25 a service's networks stood beside its task template.
  if (list.key === 'networks' && Array.isArray(spec['Networks'])) return spec['Networks']
  return []
}

/** Write an item of a list as the texts of a row. */
export function writeCells(list: List, item: Json): Record<string, string> {
  if (list.of === 'members') {
    const [name, value] = item as [string, Json]
    return { name, value: String(value ?? '') }
  }
  if (list.of === 'texts') return writeText(list, String(item))
  return Object.fromEntries(
    list.columns.map((column) => [column.key, write(column.kind, at(item, column.path)) || (column.fallback ?? '')]),
  )
}

function writeText(list: List, text: string): Record<string, string> {
  if (list.columns.length === 1) return { [list.columns[0]!.key]: text }
  const sign = text.indexOf('=')
  return sign < 0 ? { name: text, value: '' } : { name: text.slice(0, sign), value: text.slice(sign + 1) }
}

/**
 * Return the item that a row of texts means.
 *
 * @param original The item that the row was read from: what the row does not show of it is kept.
 */
export function readCells(list: List, cells: Record<string, string>, original: Json | undefined): Json {
  const shown = original === undefined ? {} : writeCells(list, original)
  const changed = list.columns.filter((column) => original === undefined || shown[column.key] !== cells[column.key])
  if (original !== undefined && changed.length === 0) return original
  if (list.of === 'members') return [cells['name']!.trim(), cells['value']!]
  if (list.of === 'texts') return readText(list, cells, original)
  const item = (original === undefined ? {} : structuredClone(original)) as JsonObject
  for (const column of changed) {
    const meaning = read(column.kind, cells[column.key] ?? '')
    const value = 'value' in meaning ? meaning.value : undefined
    put(item, column.path, typeof value === 'string' ? value.trim() : value)
  }
  // The options of another type of mount are refused beside this one.
  if (list.key === 'mounts' && changed.some((column) => column.key === 'type')) {
    const own = `${cells['type']}Options`.toLowerCase()
    for (const member of Object.keys(item)) {
      if (/^(Bind|Volume|Tmpfs|Cluster)Options$/.test(member) && member.toLowerCase() !== own) Reflect.deleteProperty(item, member)
    }
  }
  return item
}

function readText(list: List, cells: Record<string, string>, original: Json | undefined): string {
  if (list.columns.length === 1) return cells[list.columns[0]!.key]!.trim()
  // A variable without a sign takes away what the image has set.
  const bare = typeof original === 'string' && !original.includes('=') && cells['value'] === ''
  return bare ? cells['name']!.trim() : `${cells['name']!.trim()}=${cells['value']}`
}

/** Put a value at a place of a spec, or take away what is there; what that leaves empty goes too. */
export function put(node: JsonObject, path: readonly string[], value: Json | undefined): void {
  const [member, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) {
    if (value === undefined) Reflect.deleteProperty(node, member)
    else node[member] = value
    return
  }
  const inner = node[member]
  const held = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  if (!held && value === undefined) return
  const next: JsonObject = held ? inner : {}
  const wasEmpty = held && Object.keys(next).length === 0
  put(next, rest, value)
  if (Object.keys(next).length === 0 && !wasEmpty) Reflect.deleteProperty(node, member)
  else node[member] = next
}
