/** Dialogs with something to fill in: when they can be sent, and when they go. */
import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Problem } from '../../src/api/problem'
import FormDialog from '../../src/parts/FormDialog.vue'
import { show, type Shown } from './support'

let shown: Shown

async function open(props: Record<string, unknown> = {}): Promise<{ run: ReturnType<typeof vi.fn>; button: HTMLButtonElement }> {
  const run = vi.fn(() => Promise.resolve({}) as Promise<unknown>)
  shown = await show(FormDialog, {
    props: {
      modelValue: true,
      title: 'Rename',
      submit: 'Rename it',
      run,
      'onUpdate:modelValue': (modelValue: boolean) => shown.wrapper.setProps({ modelValue }),
      ...props,
    },
    slots: { default: '<input name="name" />' },
  })
  return { run, button: document.querySelector<HTMLButtonElement>('.form-dialog button[type=submit]')! }
}

async function send(): Promise<void> {
  document.querySelector('.form-dialog form')!.dispatchEvent(new Event('submit', { cancelable: true }))
  await flushPromises()
}

const isOpen = (): unknown => (shown.wrapper.props() as Record<string, unknown>)['modelValue']

afterEach(() => shown.wrapper.unmount())

describe('a dialog with a form', () => {
  it('can be sent unless somebody says that it cannot', async () => {
    const { run, button } = await open()

    expect(button.disabled).toBe(false)
    await send()

    expect(run).toHaveBeenCalledOnce()
    expect(isOpen()).toBe(false)
    expect(shown.wrapper.emitted('done')).toHaveLength(1)
  })

  it('cannot be sent while it is not ready, by Enter neither', async () => {
    const { run, button } = await open({ ready: false })

    expect(button.disabled).toBe(true)
    await send()
    expect(run).not.toHaveBeenCalled()

    await shown.wrapper.setProps({ ready: true })
    expect(button.disabled).toBe(false)
    await send()
    expect(run).toHaveBeenCalledOnce()
  })

  it('stays open when it is refused, and says why', async () => {
    const refused = new Problem({ code: 'conflict', status: 409, title: '', detail: 'There is one called so already.' })
    const { run, button } = await open({ run: vi.fn().mockRejectedValueOnce(refused).mockResolvedValueOnce({}) })
    expect(run).not.toHaveBeenCalled()

    await send()

    expect([isOpen(), shown.wrapper.emitted('done'), button.disabled]).toEqual([true, undefined, false])
    expect(document.querySelector('.form-dialog [role=alert]')!.textContent).toContain('There is one called so already.')

    await send()
    expect(isOpen()).toBe(false)
  })

  it('says beside a field what is wrong with it, and not below the form again', async () => {
    const errors = [{ pointer: '/name', code: 'invalid', detail: 'Too long.' }]
    const refused = new Problem({ code: 'invalid', status: 422, title: '', detail: 'Not valid.', errors })
    await open({ run: vi.fn().mockRejectedValue(refused), fields: ['name'] })

    await send()

    expect(document.querySelector('.form-dialog [role=alert]')!.textContent).not.toContain('Too long.')
  })

  it('stays open when what it did asks for more', async () => {
    await open({ run: () => Promise.resolve(false) })

    await send()

    expect(isOpen()).toBe(true)
    expect(shown.wrapper.emitted('done')).toHaveLength(1)
  })

  it('is sent once, however often one presses', async () => {
    let answer: (value: unknown) => void = () => undefined
    const run = vi.fn(() => new Promise((resolve) => (answer = resolve)))
    await open({ run })

    await send()
    await send()
    answer({})
    await flushPromises()

    expect(run).toHaveBeenCalledOnce()
    expect(isOpen()).toBe(false)
  })
})
