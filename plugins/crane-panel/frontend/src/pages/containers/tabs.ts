/** The views of a container besides its overview; other subjects add theirs here. */
import { defineAsyncComponent, type Component } from 'vue'
import { t as sayFigure } from '../../parts/figures/words'
import { t } from './words'

export interface ContainerTab {
  key: string
  title: () => string
  /** Gets the container as `container`. */
  component: Component
  /** What the caller must hold on it; reading it unless given. */
  action?: string
}

export const TABS: ContainerTab[] = [
  { key: 'figures', title: () => sayFigure('figures'), component: defineAsyncComponent(() => import('../monitoring/ContainerFigures.vue')), action: 'container:read-stats' },
  {
    key: 'logs',
    title: () => t('logs'),
    component: defineAsyncComponent(() => import('../logs/ContainerLogs.vue')),
    action: 'container:read-logs',
  },
  { key: 'processes', title: () => t('processes'), component: defineAsyncComponent(() => import('./ProcessTable.vue')) },
  { key: 'changes', title: () => t('changes'), component: defineAsyncComponent(() => import('./FileChanges.vue')) },
]
