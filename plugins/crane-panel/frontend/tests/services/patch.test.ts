import { describe, expect, test } from 'vitest'
import { FIELDS, listOf } from '../../src/pages/services/form/fields'
import { findMistakes, newRow, placeViolations, toForm, type Form } from '../../src/pages/services/form/form'
import { applyPatch, difference, patchOf, rebase, specOf } from '../../src/pages/services/form/patch'
import type { Json, JsonObject } from '../../src/pages/services/form/values'

// Numbers that look random and are the same each time.
function randomness(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296
    return state / 4294967296
  }
}

function anySpec(random: () => number): JsonObject {
  const maybe = <Value extends Json>(value: Value): Value | undefined => (random() < 0.6 ? value : undefined)
  const pick = <Value>(values: Value[]): Value => values[Math.floor(random() * values.length)]!
  const many = (make: (index: number) => Json): Json[] => Array.from({ length: Math.floor(random() * 4) }, (_, index) => make(index))
  const spec = {
    Name: 'shop_web',
    Labels: maybe({ 'com.docker.stack.namespace': 'shop', apiToken: '(hidden)' }),
    TaskTemplate: {
      ContainerSpec: {
        Image: pick(['nginx:1.27', 'nginx:1.27@sha256:00ff', 'reg.example.com:5000/a/b']),
        Command: maybe(['sh', '-c', `echo "it's" $HOME\nexit`]),
        Args: maybe(['--password', '(hidden)', '']),
        Env: maybe([...many((index) => `NAME${index}=value=${index}`), 'DB_PASSWORD=(hidden)', 'BARE']),
        Mounts: maybe(many((index) => ({ Type: 'volume', Source: `v${index}`, Target: `/d${index}`, VolumeOptions: { NoCopy: true } }))),
        Healthcheck: maybe({ Test: pick([['CMD-SHELL', 'true'], ['CMD', 'a', 'b'], ['NONE'], []]), Interval: 90_000_000_000, Odd: 1 }),
        StopGracePeriod: maybe(12_345_678_901),
        Init: maybe(false),
        TTY: maybe(false),
        Privileges: maybe({ NoNewPrivileges: true }),
        Isolation: 'default',
      },
      Resources: maybe({ Limits: { NanoCPUs: 333_333_333, MemoryBytes: 123_456_789, Unheard: 1 }, Reservations: {} }),
      RestartPolicy: maybe({ Condition: 'any', Delay: 0, MaxAttempts: 0 }),
      Placement: maybe({ Constraints: ['node.role==worker'], Platforms: [{ OS: 'linux' }] }),
      Networks: maybe(many((index) => ({ Target: `id${index}`, Aliases: ['web', 'www'], DriverOpts: { mtu: '9000' } }))),
      LogDriver: maybe({ Name: 'json-file', Options: { 'max-size': '10m' } }),
      ForceUpdate: 3,
    },
    Mode: pick<Json>([{ Replicated: { Replicas: 0 } }, { Global: {} }, { ReplicatedJob: { TotalCompletions: 3, MaxConcurrent: 1 } }]),
    UpdateConfig: maybe({ Delay: 0, MaxFailureRatio: 0, Order: 'stop-first' }),
    EndpointSpec: maybe({ Mode: 'vip', Ports: many((index) => ({ TargetPort: 80 + index, PublishedPort: 8080 + index, Name: 'web', Extra: [1] })) }),
    Later: { Unknown: null },
  }
  return JSON.parse(JSON.stringify(spec)) as JsonObject
}

const specs = Array.from({ length: 200 }, (_, seed) => anySpec(randomness(seed)))

function changed(spec: JsonObject, change: (form: Form) => void): JsonObject {
  const after = toForm(spec)
  change(after)
  return patchOf(spec, toForm(spec), after)
}

const container = (spec: Json | undefined): JsonObject =>
  ((spec as JsonObject)['TaskTemplate'] as JsonObject)['ContainerSpec'] as JsonObject

const WEB: JsonObject = {
  Name: 'web',
  Labels: { a: '1' },
  TaskTemplate: {
    ContainerSpec: {
      Image: 'nginx:1.27@sha256:00ff',
      Env: ['A=1', 'DB_PASSWORD=(hidden)', 'URL=http://x?a=b'],
      Mounts: [
        { Type: 'volume', Source: 'data', Target: '/data', VolumeOptions: { NoCopy: true } },
        { Type: 'bind', Source: '/etc', Target: '/etc', BindOptions: { Propagation: 'rslave' }, ReadOnly: true },
      ],
    },
    Networks: [{ Target: 'net1', Aliases: ['web'], DriverOpts: { mtu: '9000' } }],
    Placement: { Constraints: ['node.role==worker'] },
  },
  Mode: { Replicated: { Replicas: 2 } },
  EndpointSpec: { Mode: 'vip', Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress', Name: 'http' }, { TargetPort: 443 }] },
}

describe('a form that nobody touched', () => {
  test('makes an empty patch and has no mistakes', () => {
    for (const spec of specs) {
      expect(patchOf(spec, toForm(spec), toForm(spec))).toEqual({})
      expect(findMistakes(toForm(spec), toForm(spec))).toEqual({})
    }
  })

  test('makes an empty patch also when a blank row was added', () => {
    for (const key of ['env', 'ports', 'mounts', 'labels', 'networks']) {
      expect(changed(WEB, (form) => form.lists[key]!.push(newRow(listOf(key), form.lists[key]!)))).toEqual({})
    }
  })
})

describe('any change', () => {
  test('of one field changes nothing outside the path of the field', () => {
    const typed: Record<string, string> = { whole: '7', duration: '17s', memory: '99M', cpus: '0.7', ratio: '0.3', text: 'other', command: "a 'b c'", test: 'curl x' }
    for (const [index, spec] of specs.entries()) {
      const field = FIELDS[index % FIELDS.length]!
      const form = toForm(spec)
      if (field.path[0] === 'Mode' || !typed[field.kind]) continue
      form.fields[field.key] = typed[field.kind]!
      const patch = patchOf(spec, toForm(spec), form)
      const result = applyPatch(spec, patch)
      expect(result).toEqual(specOf(spec, toForm(spec), form))
      expect(toForm(result).fields[field.key]).toBe(typed[field.kind])
      // Put back, it is the spec that it was, or the patch says no more than the field.
      const paths = leaves(patch)
      const allowed = [field.path.join('/'), 'UpdateConfig/Parallelism', 'RollbackConfig/Parallelism']
      expect(paths.filter((path) => !allowed.includes(path))).toEqual([])
    }
  })

  test('is what the patch does to the spec', () => {
    for (const [index, spec] of specs.entries()) {
      const random = randomness(index + 1000)
      const form = toForm(spec)
      for (const field of FIELDS) if (random() < 0.2) form.fields[field.key] = ''
      for (const rows of Object.values(form.lists)) if (random() < 0.4) rows.splice(0, 1)
      const wanted = specOf(spec, toForm(spec), form)
      expect(applyPatch(spec, patchOf(spec, toForm(spec), form))).toEqual(wanted)
      expect((wanted['Later'] as JsonObject)['Unknown']).toBe(null)
      expect(container(wanted)['Privileges']).toEqual(container(spec)['Privileges'])
    }
  })
})

function leaves(patch: JsonObject, path = ''): string[] {
  return Object.entries(patch).flatMap(([member, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? leaves(value, `${path}${member}/`) : [`${path}${member}`],
  )
}

describe('variables', () => {
  test('that are not changed stay as they are, hidden ones included', () => {
    const patch = changed(WEB, (form) => (form.lists['env']![0]!.cells['value'] = '2'))
    expect(patch).toEqual({ TaskTemplate: { ContainerSpec: { Env: ['A=2', 'DB_PASSWORD=(hidden)', 'URL=http://x?a=b'] } } })
  })

  test('are added and removed', () => {
    const patch = changed(WEB, (form) => {
      form.lists['env']!.splice(0, 1)
      form.lists['env']!.push({ id: 99, origin: null, cells: { name: 'B', value: '' } })
    })
    expect(container(patch)['Env']).toEqual(['DB_PASSWORD=(hidden)', 'URL=http://x?a=b', 'B='])
  })

  test('are gone with their list when the last is removed', () => {
    expect(changed(WEB, (form) => (form.lists['env'] = []))).toEqual({ TaskTemplate: { ContainerSpec: { Env: null } } })
  })
})

describe('rows of objects', () => {
  test('keep what the form does not show', () => {
    const patch = changed(WEB, (form) => {
      form.lists['mounts']![1]!.cells['target'] = '/conf'
      form.lists['ports']![0]!.cells['published'] = '9090'
      form.lists['networks']!.push({ id: 99, origin: null, cells: { target: 'back', aliases: '' } })
    })
    expect(container(patch)['Mounts']).toEqual([
      { Type: 'volume', Source: 'data', Target: '/data', VolumeOptions: { NoCopy: true } },
      { Type: 'bind', Source: '/etc', Target: '/conf', BindOptions: { Propagation: 'rslave' }, ReadOnly: true },
    ])
    expect(patch['EndpointSpec']).toEqual({
      Ports: [{ Protocol: 'tcp', TargetPort: 80, PublishedPort: 9090, PublishMode: 'ingress', Name: 'http' }, { TargetPort: 443 }],
    })
    expect((patch['TaskTemplate'] as JsonObject)['Networks']).toEqual([
      { Target: 'net1', Aliases: ['web'], DriverOpts: { mtu: '9000' } },
      { Target: 'back' },
    ])
  })

  test('lose the options of a type that they no longer have', () => {
    const patch = changed(WEB, (form) => (form.lists['mounts']![0]!.cells['type'] = 'tmpfs'))
    expect((container(patch)['Mounts'] as Json[])[0]).toEqual({ Type: 'tmpfs', Source: 'data', Target: '/data' })
  })

  test('that leave an object empty take it along', () => {
    const patch = changed(WEB, (form) => {
      form.lists['ports'] = []
      form.fields['endpointMode'] = ''
      form.lists['constraints'] = []
    })
    expect(patch).toEqual({ EndpointSpec: null, TaskTemplate: { Placement: null } })
  })

  test('move from where the Engine had networks before', () => {
    const patch = changed({ ...WEB, TaskTemplate: { ContainerSpec: { Image: 'a' } }, Networks: [{ Target: 'old' }] }, (form) => {
      form.lists['networks']!.push({ id: 99, origin: null, cells: { target: 'back', aliases: 'x, y' } })
    })
    expect(patch).toEqual({ Networks: null, TaskTemplate: { Networks: [{ Target: 'old' }, { Target: 'back', Aliases: ['x', 'y'] }] } })
  })
})

describe('labels', () => {
  test('are patched one by one', () => {
    const patch = changed({ ...WEB, Labels: { a: '1', b: '2', c: '3' } }, (form) => {
      form.lists['labels']!.splice(1, 1)
      form.lists['labels']![1]!.cells['value'] = '4'
      form.lists['labels']!.push({ id: 99, origin: null, cells: { name: 'd', value: '' } })
    })
    expect(patch).toEqual({ Labels: { b: null, c: '4', d: '' } })
  })

  test('that note the image of the stack follow it', () => {
    const spec = { ...WEB, Labels: { 'com.docker.stack.image': 'nginx:1.27' } }
    const patch = changed(spec, (form) => (form.fields['image'] = 'nginx:1.28'))
    expect(patch).toEqual({ Labels: { 'com.docker.stack.image': 'nginx:1.28' }, TaskTemplate: { ContainerSpec: { Image: 'nginx:1.28' } } })
  })
})

describe('values', () => {
  test('that are emptied are removed', () => {
    const spec = applyPatch(WEB, { TaskTemplate: { ContainerSpec: { StopGracePeriod: 1, User: 'www' } } })
    const patch = changed(spec, (form) => Object.assign(form.fields, { stopGrace: '', user: ' ' }))
    expect(patch).toEqual({ TaskTemplate: { ContainerSpec: { StopGracePeriod: null, User: null } } })
  })

  test('take away the object that they were the last in', () => {
    const spec = applyPatch(WEB, { TaskTemplate: { Resources: { Limits: { MemoryBytes: 1024 } } }, UpdateConfig: { Parallelism: 2, Delay: 1e9 } })
    const patch = changed(spec, (form) => Object.assign(form.fields, { memoryLimit: '', updateParallelism: '', updateDelay: '' }))
    expect(patch).toEqual({ TaskTemplate: { Resources: null }, UpdateConfig: null })
  })

  test('of an update do not make it take all tasks at once', () => {
    expect(changed(WEB, (form) => (form.fields['updateDelay'] = '5s'))).toEqual({ UpdateConfig: { Delay: 5e9, Parallelism: 1 } })
    const all = { ...WEB, UpdateConfig: { Delay: 1e9 } }
    expect(toForm(all).fields['updateParallelism']).toBe('0')
    expect(changed(all, (form) => (form.fields['updateDelay'] = '5s'))).toEqual({ UpdateConfig: { Delay: 5e9 } })
    expect(changed(all, (form) => (form.fields['updateParallelism'] = ''))).toEqual({ UpdateConfig: { Parallelism: 1 } })
  })

  test('of a job leave it a job', () => {
    const job = { ...WEB, Mode: { ReplicatedJob: { TotalCompletions: 3 } } }
    expect(changed(job, (form) => (form.fields['completions'] = ''))).toEqual({ Mode: { ReplicatedJob: { TotalCompletions: null } } })
  })

  test('make a new service', () => {
    const empty = toForm({})
    const form = toForm({})
    Object.assign(form.fields, { name: 'web', image: 'nginx', memoryLimit: '64m' })
    form.mode = 'global'
    expect(specOf({}, empty, form)).toEqual({
      Name: 'web',
      Mode: { Global: {} },
      TaskTemplate: { ContainerSpec: { Image: 'nginx' }, Resources: { Limits: { MemoryBytes: 67108864 } } },
    })
  })
})

describe('mistakes', () => {
  test('stand at the field, and only where something was changed', () => {
    const form = toForm(WEB)
    Object.assign(form.fields, { stopGrace: '10', memoryLimit: 'much', image: ' ', updateRatio: '2', args: "a 'b" })
    form.lists['ports']![0]!.cells['target'] = '99999'
    form.lists['labels']!.push({ id: 99, origin: null, cells: { name: 'a', value: '' } })
    form.lists['logOptions']!.push({ id: 7, origin: null, cells: { name: 'max-size', value: '1m' } })
    expect(findMistakes(toForm(WEB), form)).toEqual({
      image: 'missing',
      stopGrace: 'notDuration',
      memoryLimit: 'notMemory',
      updateRatio: 'notRatio',
      args: 'openQuote',
      'ports/0/target': 'notPort',
      'labels/99/name': 'twice',
      logDriver: 'noDriver',
    })
  })

  test('that the server finds stand at their field, row and cell', () => {
    const form = toForm(WEB)
    form.lists['env']!.unshift({ id: 99, origin: null, cells: { name: '', value: '' } })
    const found = placeViolations(
      [
        { pointer: '/TaskTemplate/ContainerSpec/Image', detail: 'I' },
        { pointer: '/TaskTemplate/ContainerSpec/Env/1', detail: 'E' },
        { pointer: '/EndpointSpec/Ports/1', detail: 'P' },
        { pointer: '/EndpointSpec/Ports/0/PublishedPort', detail: 'Q' },
        { pointer: '/Labels/a', detail: 'L' },
        { pointer: '/TaskTemplate/Networks', detail: 'N' },
        { pointer: '/Mode', detail: 'M' },
      ],
      form,
    )
    expect(found.placed).toEqual({
      image: 'I',
      'env/1/value': 'E',
      'ports/1/published': 'P',
      'ports/0/published': 'Q',
      'labels/0/value': 'L',
      networks: 'N',
    })
    expect(found.others).toEqual([{ pointer: '/Mode', detail: 'M' }])
  })
})

describe('a service that was changed meanwhile', () => {
  test('is read again and keeps what the user did', () => {
    const mine = toForm(WEB)
    mine.fields['image'] = 'nginx:1.28'
    mine.lists['env']![0]!.cells['value'] = '2'
    mine.lists['env']!.splice(2, 1)
    mine.lists['env']!.push({ id: 99, origin: null, cells: { name: 'MINE', value: 'x' } })
    const theirs = structuredClone(WEB)
    container(theirs)['Env'] = ['THEIRS=y', 'A=1', 'DB_PASSWORD=(hidden)', 'URL=http://x?a=b']
    container(theirs)['User'] = 'www'
    const form = rebase(toForm(WEB), mine, toForm(theirs))
    expect(patchOf(theirs, toForm(theirs), form)).toEqual({
      TaskTemplate: { ContainerSpec: { Image: 'nginx:1.28', Env: ['THEIRS=y', 'A=2', 'DB_PASSWORD=(hidden)', 'MINE=x'] } },
    })
  })

  test('without changes of the user is what it is now', () => {
    for (const [index, spec] of specs.entries()) {
      const other = specs[(index + 1) % specs.length]!
      expect(rebase(toForm(spec), toForm(spec), toForm(other))).toEqual(toForm(other))
    }
  })

  test('that has not changed keeps all changes of the user', () => {
    for (const [index, spec] of specs.entries()) {
      const random = randomness(index + 5000)
      const mine = toForm(spec)
      for (const rows of Object.values(mine.lists)) if (random() < 0.5) rows.splice(0, 1)
      const form = rebase(toForm(spec), mine, toForm(spec))
      expect(patchOf(spec, toForm(spec), form)).toEqual(patchOf(spec, toForm(spec), mine))
    }
  })
})

test('the difference of two objects applied to the first makes the second', () => {
  for (const [index, spec] of specs.entries()) {
    const from = structuredClone(spec)
    const to = structuredClone(specs[(index + 7) % specs.length]!)
    // A merge patch cannot say null where there was nothing.
    for (const each of [from, to]) each['Later'] = 1
    expect(applyPatch(from, difference(from, to))).toEqual(to)
  }
})
