import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { caller } from '../../src/caller'
import PlanPage from '../../src/pages/plans/PlanPage.vue'
import { FakeSocket } from '../live/fakes'
import { show } from '../parts/support'
import { operation, plan } from '../some'
import { serve, type Server } from '../plugin-pages/fakes'

let server: Server
const fresh = (id: string, more: Record<string, unknown> = {}) => plan(id, { expires_at: '2999-01-01T00:00:00Z', ...more })
const press = async (page: Awaited<ReturnType<typeof show>>): Promise<void> => {
  await page.wrapper.get('form').trigger('submit')
  await flushPromises()
}

beforeEach(() => {
  vi.stubGlobal('WebSocket', function () {
    return new FakeSocket()
  })
  caller.value = { name: 'local', kind: 'local', version: '1', actions: ['plan:read', 'plan:apply', 'operation:read'] }
  server = serve(() => [200, fresh('p1')])
})
afterEach(() => {
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

it('a plan is applied from its page, and followed there', async () => {
  const page = await show(PlanPage, { props: { id: 'p1' } }, '/plans/p1')
  expect(page.wrapper.get('h1').text()).toBe('Plan: Scale service shop_web')
  server.answer = () => [202, operation('o1')]

  await press(page)

  expect(server.sent.at(-1)).toMatchObject({ method: 'POST', url: '/api/v1/plans/p1/apply' })
  expect(page.wrapper.find('[data-test=operation]').exists()).toBe(true)
  expect(page.wrapper.find('[data-obstacle=applied] a').attributes('href')).toBe('/operations/o1')
  expect(page.wrapper.find('form').exists()).toBe(false)
})

it('a plan that is outdated makes room for the new one, at its own address', async () => {
  const page = await show(PlanPage, { props: { id: 'p1' } }, '/plans/p1')
  server.answer = () => [409, { code: 'plan-outdated', status: 409, title: 'x', detail: 'x', plan: fresh('p2') }]

  await press(page)

  expect(page.router.currentRoute.value.path).toBe('/plans/p2')
  expect(page.wrapper.get('[role=alert]').text()).toContain('The Swarm has changed')
  expect(page.wrapper.find('form').exists()).toBe(true)
})

it('a removal is applied only once the name is typed', async () => {
  server.answer = () => [200, fresh('p1', { kind: 'stack.remove', target: 'shop' })]
  const page = await show(PlanPage, { props: { id: 'p1' } }, '/plans/p1')

  await press(page)
  expect(server.sent).toHaveLength(1)

  server.answer = () => [202, operation('o1')]
  await page.wrapper.get('form input').setValue('shop')
  await press(page)
  expect(server.sent.at(-1)).toMatchObject({ method: 'POST' })
})

it('a plan that is forgotten is explained, with a way on', async () => {
  server.answer = () => [404, { code: 'plan-not-found', status: 404, title: 'x', detail: 'x' }]
  const page = await show(PlanPage, { props: { id: 'p1' } }, '/plans/p1')

  expect(page.wrapper.get('.empty').text()).toContain('There is no plan p1 any more')
  expect(page.wrapper.get('.empty a').attributes('href')).toBe('/operations')
})

it('a refusal stands by the plan', async () => {
  const page = await show(PlanPage, { props: { id: 'p1' } }, '/plans/p1')
  server.answer = () => [409, { code: 'deployment-in-progress', status: 409, title: 'x', detail: 'Another one runs.' }]

  await press(page)

  expect(page.wrapper.get('[data-code=deployment-in-progress]').text()).toContain('Another one runs.')
})
