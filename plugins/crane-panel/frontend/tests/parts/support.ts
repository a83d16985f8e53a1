/** What tests of components need around them: a router, and the components of Element Plus. */
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import type { Component } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { useElements } from '../../src/elements'

const Nothing: Component = { render: () => null }

/** Make a router that is at an address. */
export async function routerAt(address = '/'): Promise<Router> {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [{ path: '/:address(.*)*', name: 'any', component: Nothing }],
  })
  await router.push(address)
  return router
}

export interface Shown {
  wrapper: VueWrapper
  router: Router
}

/** Show a component at an address of the panel; dialogs stand in the body of the document. */
export async function show(component: Component, options: Record<string, unknown> = {}, address = '/'): Promise<Shown> {
  const router = await routerAt(address)
  const wrapper = mount(component, {
    attachTo: document.body,
    global: { plugins: [router, { install: useElements }] },
    ...options,
  })
  await flushPromises()
  return { wrapper, router }
}
