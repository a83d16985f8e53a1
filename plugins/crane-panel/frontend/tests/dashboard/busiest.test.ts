/** What the busiest nodes used lately, one line each. */
import { afterEach, expect, it, vi } from 'vitest'
import { goOn, readBusiest } from '../../src/pages/dashboard/busiest'
import { row, stats } from '../figures/some'
import { serve } from '../plugin-pages/fakes'

const AT = Date.parse('2026-03-01T12:00:00Z') / 1000
const nodes = [row('node1', { cpu: 2 }), row('node2', { cpu: 1, sampled_at: '2026-03-01T12:00:03Z' })]
afterEach(() => vi.unstubAllGlobals())

async function read() {
  const server = serve(({ url }) => [200, stats([[AT - 15, url.includes('node1') ? 1 : 5], [AT + (url.includes('node1') ? 0 : 2), 2]])])
  return { server, busiest: await readBusiest(nodes, new Date(AT * 1000 - 3600_000)) }
}

it('lines stand beside each other, though nodes are measured at different moments', async () => {
  const { server, busiest } = await read()

  expect(server.sent.map((sent) => sent.url.split('?')[0])).toEqual(['/api/v1/stats/nodes/node1', '/api/v1/stats/nodes/node2'])
  expect(busiest.cpu).toEqual({ times: [AT - 15, AT], columns: [[1, 2], [5, 2]] })
  expect(busiest.gap).toBe(90)
})

it('they go on, with a hole for a node that does not tell', async () => {
  const { busiest } = await read()

  const further = goOn(busiest, [nodes[0]!, { ...nodes[1]!, stale: true }], 3600)

  expect(further?.cpu).toEqual({ times: [AT - 15, AT, AT + 2], columns: [[1, 2, 2], [5, 2, null]] })
})

it('other nodes are read anew', async () => {
  const { busiest } = await read()

  expect(goOn(busiest, [nodes[0]!, row('node3')], 3600)).toBeNull()
  expect(goOn(busiest, [nodes[0]!], 3600)).toBeNull()
})
