import { mount } from '@vue/test-utils'
import { expect, test } from 'vitest'
import type { Container, ContainerDetail } from '../../src/api/types'
import ContainerOverview from '../../src/pages/containers/ContainerOverview.vue'

const BY_TASK = {
  id: 'c1',
  name: 'shop_web.1.t1',
  node: 'node3',
  service: 'shop_web',
  task: 'shop_web.1',
  state: 'running',
  exit_code: null,
  told_by: 'task',
  fresh: false,
}

function show(container: object, detail: object | null): string[] {
  const props = { container: container as Container, detail: detail as ContainerDetail | null }
  const page = mount(ContainerOverview, { props, global: { directives: { tip: {} } } })
  return page.findAll('section').map((part) => part.text())
}

test('what only a node that does not answer knows is told as not known', () => {
  const [facts, ...parts] = show(BY_TASK, { ...BY_TASK, error: 'Nobody is there.' })

  expect(parts).toEqual(
    ['Networks', 'Mounts', 'Variables', 'Labels'].map((part) => `${part}Not known: its node does not answer.`),
  )
  for (const fact of ['Command', 'Ports', 'Restart']) expect(facts).not.toContain(fact)
})

test('what was read of a node before it fell silent is still told', () => {
  const known = { ...BY_TASK, told_by: 'engine', Labels: { team: 'shop' }, Mounts: [], Ports: [] }

  const [facts, ...parts] = show(known, { ...known, error: 'Nobody is there.' })

  expect(facts).toContain('Ports')
  expect(parts.slice(1)).toEqual(['MountsIt mounts nothing.', 'VariablesNot known: its node does not answer.', 'Labelsteamshop'])
})

test('nothing is said before it is known', () => {
  expect(show(BY_TASK, null).at(-1)).toBe('LabelsLoading …')
})

test('what a node that answers has none of is told as none', () => {
  const parts = show({ ...BY_TASK, Labels: {}, Mounts: [], Ports: [] }, { ...BY_TASK, error: null, Config: { Env: ['A=1'] } })

  expect(parts.slice(1)).toEqual(['NetworksIt is on no network.', 'MountsIt mounts nothing.', 'VariablesA1', 'LabelsIt has no labels.'])
})
