import { expect, test } from 'vitest'
import type { Place, Service, Task } from '../../src/api/types'
import { networkNames, networksOf } from '../../src/pages/services/networks'
import { updateFacts } from '../../src/pages/services/overview'
import { inOrder, isTroubled, keyOf } from '../../src/pages/services/places'
import { portText } from '../../src/pages/services/ports'
import { whyOf } from '../../src/pages/services/why'

const task = (more: object): Task => ({ ID: 't', Version: { Index: 1 }, name: 'web.1', state: 'running', ...more }) as unknown as Task
const place = (slot: number | null, node: string, current: object = {}, earlier: object[] = []): Place => ({
  slot,
  node,
  current: task({ NodeID: `id-${node}`, ...current }),
  earlier: earlier.map(task),
})

test('ports are written in one line', () => {
  expect(portText({ PublishedPort: 8080, TargetPort: 80, Protocol: 'tcp', PublishMode: 'ingress' })).toBe('8080→80/tcp')
  expect(portText({ TargetPort: 53, Protocol: 'udp', PublishMode: 'host' })).toBe('53/udp (host)')
})

test('places stand by slot, or by the name of their node', () => {
  expect(inOrder([place(10, 'a'), place(2, 'b')]).map(keyOf)).toEqual(['2', '10'])
  expect(inOrder([place(null, 'node10'), place(null, 'node2')]).map(keyOf)).toEqual(['id-node2', 'id-node10'])
})

test('what does not run or has failed before is troubled', () => {
  expect(isTroubled(place(1, 'a'))).toBe(false)
  expect(isTroubled(place(1, 'a', {}, [{ state: 'shutdown' }]))).toBe(false)
  expect(isTroubled(place(1, 'a', {}, [{ state: 'failed' }]))).toBe(true)
  expect(isTroubled(place(1, 'a', { state: 'pending' }))).toBe(true)
})

test('networks are called as the tasks on them say', () => {
  const attached = { NetworksAttachments: [{ Network: { ID: 'n1', Spec: { Name: 'shop_default' } } }] }
  expect(networkNames([place(1, 'a', attached)]).get('n1')).toBe('shop_default')
  expect(networksOf({ Spec: { Networks: [{ Target: 'old' }] } } as unknown as Service)).toEqual([{ Target: 'old' }])
})

test('an update of which nothing is said takes one task at a time, one with empty rules all at once', () => {
  expect(updateFacts(undefined)[0]!.value).toBe('1 (default)')
  expect(updateFacts({})[0]!.value).toBe('all')
  expect(updateFacts({ Parallelism: 2 })[0]!.value).toBe('2')
})

test('an update under which all tasks run needs no reason', () => {
  const service = { state: 'updating', why: '3 of 3 tasks run.', tasks_running: 3, tasks_desired: 3 } as Service
  expect(whyOf(service)).toBe(null)
  expect(whyOf({ ...service, tasks_running: 2 })).toBe('3 of 3 tasks run.')
  expect(whyOf({ ...service, state: 'degraded' })).toBe('3 of 3 tasks run.')
})
