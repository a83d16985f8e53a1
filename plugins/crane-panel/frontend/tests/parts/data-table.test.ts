import { flushPromises, type DOMWrapper, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { Problem } from '../../src/api/problem'
import DataTable from '../../src/parts/table/DataTable.vue'
import * as table from '../../src/parts/table/table'
import { setLanguage } from '../../src/words'
import { show as mountIn, type Shown } from './support'

interface Row {
  name: string
  tasks: number
  node: string
}

const ROWS: Row[] = [
  { name: 'web', tasks: 2, node: 'node1' },
  { name: 'db', tasks: 10, node: 'node2' },
  { name: 'cache', tasks: 1, node: 'node1' },
]
const COLUMNS: table.Column<Row>[] = [
  { key: 'name', title: () => 'Name', value: (row) => row.name, narrow: true },
  { key: 'tasks', title: () => 'Tasks', value: (row) => row.tasks, align: 'right' },
  { key: 'node', title: () => 'Node', value: (row) => row.node, optional: true },
  { key: 'buttons', title: () => 'Actions', value: () => null, control: true, unsorted: true },
]
let open: VueWrapper | null = null

async function show(props: object = {}, slots: object = {}, address = '/things'): Promise<Shown> {
  const shown = await mountIn(
    DataTable as never,
    { props: { id: 'things', label: 'Things', columns: COLUMNS, rows: ROWS, rowKey: (row: Row) => row.name, ...props }, slots },
    address,
  )
  open = shown.wrapper
  return shown
}

const bodyRows = (wrapper: VueWrapper): DOMWrapper<Element>[] => wrapper.findAll('tbody tr[data-row]')
const names = (wrapper: VueWrapper): (string | undefined)[] => bodyRows(wrapper).map((row) => row.attributes('data-row'))
const heads = (wrapper: VueWrapper): string[] => wrapper.findAll('th').map((head) => head.text()).filter(Boolean)
const head = (wrapper: VueWrapper, title: string): DOMWrapper<Element> =>
  wrapper.findAll('th').find((each) => each.text() === title)!

beforeEach(() => localStorage.clear())
afterEach(() => {
  open?.unmount()
  open = null
  vi.restoreAllMocks()
  setLanguage('en')
})

describe('a table', () => {
  it('shows its rows, and how many they are', async () => {
    const { wrapper } = await show({ order: 'name' })

    expect(names(wrapper)).toEqual(['cache', 'db', 'web'])
    expect(wrapper.find('.count').text()).toBe('3 rows')
    expect(wrapper.find('table').attributes()).toMatchObject({ 'aria-label': 'Things', 'aria-rowcount': '4' })
    expect(bodyRows(wrapper)[0]!.attributes('aria-rowindex')).toBe('2')
  })

  it('shows what a slot makes of a cell', async () => {
    const { wrapper } = await show({}, { 'cell-name': ({ row }: { row: Row }) => h('a', `<${row.name}>`) })

    expect(bodyRows(wrapper)[0]!.find('a').text()).toBe('<web>')
  })

  it('is sorted by who presses a heading, which says so', async () => {
    const { wrapper, router } = await show()

    await head(wrapper, 'Tasks').find('button').trigger('click')
    await flushPromises()
    expect(names(wrapper)).toEqual(['cache', 'web', 'db'])
    expect(head(wrapper, 'Tasks').attributes('aria-sort')).toBe('ascending')

    await head(wrapper, 'Tasks').find('button').trigger('click')
    await flushPromises()
    expect(names(wrapper)).toEqual(['db', 'web', 'cache'])
    expect(head(wrapper, 'Tasks').attributes('aria-sort')).toBe('descending')
    expect(router.currentRoute.value.query).toEqual({ sort: '-tasks' })
    expect(head(wrapper, 'Actions').find('button').exists()).toBe(false)
  })

  it('is filtered and sorted as its address says', async () => {
    const { wrapper } = await show({}, {}, '/things?q=node1&sort=-tasks')

    expect(names(wrapper)).toEqual(['web', 'cache'])
    expect(wrapper.find('.count').text()).toBe('2 of 3')
    expect(wrapper.find<HTMLInputElement>('input[type=search]').element.value).toBe('node1')
  })

  it('keeps what is typed into its filter in the address', async () => {
    const { wrapper, router } = await show()

    await wrapper.find('input[type=search]').setValue('db')
    await flushPromises()

    expect(names(wrapper)).toEqual(['db'])
    expect(router.currentRoute.value.query).toEqual({ q: 'db' })
  })

  it('that is plain leaves the address alone', async () => {
    const { wrapper, router } = await show({ plain: true }, {}, '/things?q=nothing&sort=-name')

    await head(wrapper, 'Name').find('button').trigger('click')
    await flushPromises()

    expect(names(wrapper)).toEqual(['cache', 'db', 'web'])
    expect(wrapper.find('input[type=search]').exists()).toBe(false)
    expect(router.currentRoute.value.query).toEqual({ q: 'nothing', sort: '-name' })
  })

  it('of many rows holds those in sight', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({ name: `n${index}`, tasks: index, node: '' }))
    const { wrapper } = await show({ rows })
    const before = bodyRows(wrapper).length

    const box = wrapper.find('.box')
    Object.defineProperty(box.element, 'scrollTop', { value: 36 * 500 })
    await box.trigger('scroll')

    expect(before).toBeLessThan(60)
    expect(names(wrapper)).toContain('n500')
    expect(names(wrapper)).not.toContain('n0')
    expect(bodyRows(wrapper).length).toBeLessThan(60)
  })

  it('speaks Chinese at once', async () => {
    const { wrapper } = await show()

    setLanguage('zh-CN')
    await flushPromises()

    expect(wrapper.find('.count').text()).toBe('3 行')
  })
})

describe('columns', () => {
  it('are chosen, and remembered by the id of the table', async () => {
    const { wrapper } = await show()
    expect(heads(wrapper)).toEqual(['Name', 'Tasks', 'Actions'])

    const choices = wrapper.findAll<HTMLInputElement>('fieldset input')
    expect(choices.map((choice) => choice.element.checked)).toEqual([true, true, false])
    await choices[2]!.setValue(true)
    await choices[1]!.setValue(false)

    expect(heads(wrapper)).toEqual(['Name', 'Node', 'Actions'])
    wrapper.unmount()
    expect(heads((await show()).wrapper)).toEqual(['Name', 'Node', 'Actions'])
    expect(heads((await show({ id: 'others' })).wrapper)).toEqual(['Name', 'Tasks', 'Actions'])
  })

  it('are never none', async () => {
    const { wrapper } = await show()

    for (const choice of wrapper.findAll('fieldset input')) await choice.setValue(false)

    expect(heads(wrapper)).toEqual(['Tasks', 'Actions'])
  })

  it('are those of the table when what is remembered makes no sense', async () => {
    localStorage.setItem('crane.columns.things', '{"no": "list"')

    expect(heads((await show()).wrapper)).toEqual(['Name', 'Tasks', 'Actions'])
  })
})

describe('selection', () => {
  const bulk = ({ selected, clear }: { selected: Row[]; clear: () => void }): unknown =>
    h('button', { class: 'bulk', onClick: clear }, selected.map((row) => row.name).join('+'))
  const ticks = (wrapper: VueWrapper): DOMWrapper<HTMLInputElement>[] => wrapper.findAll<HTMLInputElement>('td.tick input')

  it('is of the rows that are ticked, and offers what can be done with them', async () => {
    const { wrapper } = await show({ selectable: true }, { bulk })
    expect(wrapper.find('.bulk').exists()).toBe(false)

    await ticks(wrapper)[0]!.setValue(true)
    await ticks(wrapper)[2]!.setValue(true)

    expect(wrapper.find('.bulk').text()).toBe('web+cache')
    expect(wrapper.find('.tools strong').text()).toBe('2 selected')
    expect(ticks(wrapper)[0]!.attributes('aria-label')).toBe('Select web')
    expect(wrapper.find<HTMLInputElement>('th.tick input').element.indeterminate).toBe(true)

    await wrapper.find('.bulk').trigger('click')
    expect(ticks(wrapper).some((tick) => tick.element.checked)).toBe(false)
  })

  it('of all is of those that the filter leaves', async () => {
    const { wrapper } = await show({ selectable: true }, { bulk }, '/things?q=node1')

    await wrapper.find('th.tick input').setValue(true)
    expect(wrapper.find('.bulk').text()).toBe('web+cache')

    await wrapper.find('th.tick input').setValue(false)
    expect(wrapper.find('.bulk').exists()).toBe(false)
  })

  it('stays with its rows while others come, and leaves with them', async () => {
    const { wrapper } = await show({ selectable: true }, { bulk })
    await ticks(wrapper)[0]!.setValue(true)

    await wrapper.setProps({ rows: [{ name: 'new', tasks: 0, node: '' }, ...ROWS] } as never)
    expect(wrapper.find('.bulk').text()).toBe('web')

    await wrapper.setProps({ rows: ROWS.slice(1) } as never)
    expect(wrapper.find('.bulk').exists()).toBe(false)
  })
})

describe('the keyboard', () => {
  it('reaches the rows, the headings and the menus', async () => {
    const { wrapper } = await show({ selectable: true })

    expect(wrapper.find('.box').attributes('tabindex')).toBe('0')
    expect(wrapper.findAll('th button').length).toBe(2)
    expect(wrapper.findAll('summary').map((menu) => menu.text())).toEqual(['Columns', 'Export'])
  })

  it('closes a menu with Escape', async () => {
    const { wrapper } = await show()
    const menu = wrapper.find<HTMLDetailsElement>('details.menu')
    menu.element.open = true

    await menu.trigger('keydown', { key: 'Escape' })

    expect(menu.element.open).toBe(false)
  })

  it('closes a menu when something else is pressed', async () => {
    const { wrapper } = await show()
    const menu = wrapper.find<HTMLDetailsElement>('details.menu').element
    menu.open = true

    menu.querySelector('input')!.dispatchEvent(new Event('focusin', { bubbles: true }))
    expect(menu.open).toBe(true)

    document.body.click()
    expect(menu.open).toBe(false)
  })
})

describe('an export', () => {
  async function exported(wrapper: VueWrapper, label: string): Promise<string> {
    const saved = vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:x')
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockReturnValue(undefined)
    await wrapper.findAll('.menu .item').find((button) => button.text() === label)!.trigger('click')
    return (saved.mock.calls[0]![0] as Blob).text()
  }

  it('has the rows in their order and the columns that are shown', async () => {
    const { wrapper } = await show({ order: 'name' }, {}, '/things?q=node1')

    expect(await exported(wrapper, 'As CSV')).toBe('Name,Tasks\r\ncache,1\r\nweb,2\r\n')
  })

  it('has the selected rows where there are any', async () => {
    const { wrapper } = await show({ selectable: true })
    await wrapper.findAll('td.tick input')[1]!.setValue(true)

    expect(JSON.parse(await exported(wrapper, 'As JSON'))).toEqual([{ name: 'db', tasks: 10 }])
  })
})

describe('a table without rows', () => {
  const kind = (wrapper: VueWrapper): string | undefined => wrapper.find('.empty').attributes('data-kind')

  it('is still loading', async () => {
    const { wrapper } = await show({ rows: [], known: false })

    expect(wrapper.find('.skeleton').attributes()).toMatchObject({ role: 'status', 'aria-label': 'Loading …' })
    expect(wrapper.find('.empty').exists()).toBe(false)
  })

  it('has none yet, and says what to do', async () => {
    expect(kind((await show({ rows: [] })).wrapper)).toBe('none')
    expect((await show({ rows: [] }, { empty: () => h('b', 'Deploy one') })).wrapper.find('b').text()).toBe('Deploy one')
  })

  it('has some that the filter hides, and shows them again', async () => {
    const { wrapper, router } = await show({}, {}, '/things?q=nothing')
    expect(kind(wrapper)).toBe('filtered')

    await wrapper.find('.empty button').trigger('click')
    await flushPromises()

    expect(names(wrapper).length).toBe(3)
    expect(wrapper.emitted('clear-filters')).toHaveLength(1)
    expect(router.currentRoute.value.query).toEqual({})
  })

  it('has some that filters of the page hide', async () => {
    expect(kind((await show({ rows: [], unfiltered: 7 })).wrapper)).toBe('filtered')
  })

  it('may not be seen, or failed', async () => {
    const refused = new Problem({ code: 'forbidden', status: 403, title: '', detail: 'You may not.' })
    const failed = new Problem({ code: 'x', status: 500, title: '', detail: 'It broke.' })

    expect(kind((await show({ rows: [], known: false, problem: refused })).wrapper)).toBe('not-allowed')
    const { wrapper } = await show({ rows: [], known: false, problem: failed })
    expect(wrapper.find('[role=alert]').text()).toContain('It broke.')
  })

  it('shows what it knew when it can no longer be read', async () => {
    const failed = new Problem({ code: 'x', status: 500, title: '', detail: 'It broke.' })
    const { wrapper } = await show({ problem: failed })

    expect(names(wrapper).length).toBe(3)
    expect(wrapper.find('[role=alert]').exists()).toBe(true)
  })
})

describe('a table that the server sorts', () => {
  const paging = { offset: 100, limit: 100, total: 250 }

  it('shows a page as it came, and asks for others', async () => {
    const { wrapper } = await show({ paging })

    expect(names(wrapper)).toEqual(['web', 'db', 'cache'])
    expect(wrapper.find('.pages span').text()).toBe('101–200 of 250')
    const [before, after] = wrapper.findAll('.pages button')
    await before!.trigger('click')
    await after!.trigger('click')
    expect(wrapper.emitted('page')).toEqual([[0], [200]])
  })

  it('tells how it is to be sorted and filtered', async () => {
    const { wrapper } = await show({ paging })

    await head(wrapper, 'Name').find('button').trigger('click')
    await flushPromises()
    await wrapper.find('input[type=search]').setValue('we')
    await flushPromises()

    expect(wrapper.emitted('arrange')).toEqual([[{ sort: 'name', q: '' }], [{ sort: 'name', q: 'we' }]])
    expect(names(wrapper)).toEqual(['web', 'db', 'cache'])
  })
})
