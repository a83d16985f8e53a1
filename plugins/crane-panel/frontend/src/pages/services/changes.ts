/** What can be done with services: each through its plan, several of them in one dialog. */
import { api } from '../../api/client'
import type { Plan, Service } from '../../api/types'
import { askPlan, startChange } from '../../parts/change'
import { t } from './words'

/** Tell whether a service has a number of tasks that can be chosen. */
export function isScalable(service: Service): boolean {
  return service.mode === 'replicated' || service.mode === 'replicated-job'
}

/** How many tasks a service is meant to have, or how often a job is meant to complete. */
export function wantedTasks(service: Service): number {
  const mode = service.Spec.Mode
  return mode?.ReplicatedJob?.TotalCompletions ?? mode?.Replicated?.Replicas ?? service.tasks_desired
}

export function scaleServices(names: string[], replicas: number, done?: () => void): void {
  start(names, 'scale', done, (path) =>
    askPlan(api.POST('/api/v1/services/{name}/scale', { params: { path, query: { plan: true } }, body: { replicas } })),
  )
}

export function forceServices(names: string[], done?: () => void): void {
  start(names, 'force', done, (path) => askPlan(api.POST('/api/v1/services/{name}/force', { params: { path, query: { plan: true } } })))
}

export function rollBackServices(names: string[], done?: () => void): void {
  start(names, 'rollBack', done, (path) =>
    askPlan(api.POST('/api/v1/services/{name}/rollback', { params: { path, query: { plan: true } } })),
  )
}

/** Remove services once the name of the one, or how many they are, has been typed. */
export function removeServices(names: string[], done?: () => void): void {
  const confirm = names.length === 1 ? names[0]! : t('removeWord', { n: names.length })
  start(names, 'remove', done, (path) => askPlan(api.DELETE('/api/v1/services/{name}', { params: { path, query: { plan: true } } })), confirm)
}

export type ResolveImage = 'always' | 'changed' | 'never'

export function changeImage(name: string, image: string, resolve: ResolveImage): void {
  startChange({
    title: t('imageOf', { name }),
    plan: () =>
      askPlan(
        api.POST('/api/v1/services/{name}/image', {
          params: { path: { name }, query: { plan: true } },
          // No credentials are sent: the server has those of its registries.
          body: { image, resolve_image: resolve },
        }),
      ),
  })
}

function start(
  names: string[],
  what: 'scale' | 'force' | 'rollBack' | 'remove',
  done: (() => void) | undefined,
  plan: (path: { name: string }) => Promise<Plan>,
  confirm?: string,
): void {
  startChange({
    title: names.length === 1 ? t(`${what}One`, { name: names[0]! }) : t(`${what}Many`, { n: names.length }),
    plan: () => Promise.all(names.map((name) => plan({ name }))),
    ...(confirm === undefined ? {} : { confirm }),
    ...(done === undefined ? {} : { done }),
  })
}
