/** Links by names: where a name is cut, what it is called all the same, and who is offered it. */
import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { caller } from '../../src/caller'
import ObjectLink from '../../src/parts/ObjectLink.vue'

function link(name: string, action?: string): VueWrapper {
  const routes = [{ path: '/', component: { render: () => null } }, { path: '/x', component: { render: () => null }, meta: { action } }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  return mount(ObjectLink, { props: { to: '/x', name }, global: { plugins: [router] } })
}

afterEach(() => (caller.value = null))

it('cuts a long name before its end, and says all of it', () => {
  const made = link('customer-relations_messaging-dispatcher')

  expect(made.find('.ellipsis').text()).toBe('customer-relations_messaging-di')
  expect(made.find('.end').text()).toBe('spatcher')
  expect(made.attributes()).toMatchObject({ 'aria-label': made.attributes('title') })
})

it('leaves a short name whole', () => {
  const made = link('shop_web')

  expect(made.text()).toBe('shop_web')
  expect([made.find('.end').exists(), made.attributes('aria-label')]).toEqual([false, undefined])
})

it('is a name alone to who may not open what it leads to', () => {
  expect(link('node1', 'node:read').element.tagName).toBe('SPAN')

  caller.value = { name: 'ann', kind: 'user', version: '1', actions: ['node:read'] }
  expect(link('node1', 'node:read').element.tagName).toBe('A')
})
