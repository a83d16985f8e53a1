import { afterEach, describe, expect, it, vi } from 'vitest'
import { api } from '../../src/api/client'
import { Problem } from '../../src/api/problem'
import type { Plan } from '../../src/api/types'
import { applyPlan, askPlan, change, startChange } from '../../src/parts/change'

const plan = { id: 'p1', kind: 'service.scale', changes: [], warnings: [], violations: [] } as unknown as Plan
const sent: string[] = []

function answer(status: number, body: unknown): void {
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(`${request.method} ${new URL(request.url).pathname}`)
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } }))
  })
}

afterEach(() => {
  vi.unstubAllGlobals()
  sent.length = 0
  change.value = null
})

describe('a change', () => {
  it('is shown in the dialog', () => {
    const wanted = { title: 'Scale', plan: () => Promise.resolve(plan) }

    startChange(wanted)

    expect(change.value).toBe(wanted)
  })

  it('is begun by applying its plan', async () => {
    answer(202, { id: 'o1' })

    expect(await applyPlan(plan)).toEqual({ operation: { id: 'o1' } })
    expect(sent).toEqual(['POST /api/v1/plans/p1/apply'])
  })

  it('whose plan is outdated is looked at anew', async () => {
    const renewed = { ...plan, id: 'p2' }
    answer(409, { code: 'plan-outdated', status: 409, title: '', detail: 'The Swarm has changed.', plan: renewed })

    expect(await applyPlan(plan)).toEqual({ outdated: renewed })
  })

  it('that is refused says why', async () => {
    answer(403, { code: 'forbidden', status: 403, title: '', detail: 'You may not.' })

    await expect(applyPlan(plan)).rejects.toThrow('You may not.')
  })

  it('whose plan is outdated without a new one says that', async () => {
    answer(409, { code: 'plan-outdated', status: 409, title: '', detail: 'The Swarm has changed.' })

    await expect(applyPlan(plan)).rejects.toMatchObject({ code: 'plan-outdated' })
  })
})

describe('a plan', () => {
  const scale = (): ReturnType<typeof askPlan> =>
    askPlan(
      api.POST('/api/v1/services/{name}/scale', {
        params: { path: { name: 'shop_web' }, query: { plan: true } },
        body: { replicas: 2 },
      }),
    )

  it('is what a change answers that was only to be planned', async () => {
    answer(201, plan)

    expect(await scale()).toEqual(plan)
  })

  it('is not taken for one when it is an operation', async () => {
    answer(202, { id: 'o1', steps: [] })

    await expect(scale()).rejects.toMatchObject({ code: 'no-plan' })
    await expect(scale()).rejects.toBeInstanceOf(Problem)
  })
})
