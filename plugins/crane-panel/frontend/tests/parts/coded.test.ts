import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import Coded from '../../src/parts/Coded.vue'

const shown = (text: string): string => mount({ components: { Coded }, setup: () => ({ text }), template: '<p><Coded :text="text" /></p>' }).element.innerHTML.replace(/<!--.*?-->/g, '')

it('what stands between backticks is code, and a lone one is itself', () => {
  expect(shown('Try `crane why web`, or `crane ps`.')).toBe('Try <code>crane why web</code>, or <code>crane ps</code>.')
  expect(shown('It is called ` here.')).toBe('It is called ` here.')
  expect(shown('<b>`<i>`')).toBe('&lt;b&gt;<code>&lt;i&gt;</code>')
})
