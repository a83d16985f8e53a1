/** Links by names: where a name is cut, and what it is called all the same. */
import { mount, RouterLinkStub } from '@vue/test-utils'
import { expect, it } from 'vitest'
import ObjectLink from '../../src/parts/ObjectLink.vue'

function link(name: string) {
  return mount(ObjectLink, { props: { to: '/x', name }, global: { stubs: { RouterLink: RouterLinkStub } } })
}

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
