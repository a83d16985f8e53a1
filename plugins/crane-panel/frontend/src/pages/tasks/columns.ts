/** The columns of tables of tasks. */
import type { Task } from '../../api/types'
import { urgency } from '../../parts/states'
import type { Column } from '../../parts/table/table'
import { t as say } from '../../parts/words'
import { shortImage } from '../services/image'
import { sinceOf } from './task'
import { t } from './words'

/** Where two things share a key with the API, it is what the API sorts by. */
export const TASK_COLUMNS = {
  name: { key: 'name', title: () => t('task'), value: (task) => task.name, narrow: true },
  service: { key: 'service', title: () => t('service'), value: (task) => task.service, width: 145, optional: true },
  stack: { key: 'stack', title: () => t('stack'), value: (task) => task.stack, width: 140, optional: true },
  node: { key: 'node', title: () => t('node'), value: (task) => task.node, width: 140 },
  state: { key: 'state', title: () => t('state'), value: (task) => task.state, rank: (task) => urgency(task.state, true), text: (task) => say(task.state), width: 120, narrow: true },
  desired: { key: 'desired_state', title: () => t('desired'), value: (task) => task.desired_state, text: (task) => say(task.desired_state), width: 95, optional: true },
  since: { key: 'updated_at', title: () => t('since'), value: (task) => sinceOf(task), width: 110 },
  error: { key: 'error', title: () => t('error'), value: (task) => task.error },
  exit: { key: 'exit_code', title: () => t('exitCode'), value: (task) => task.exit_code, align: 'right', width: 85 },
  image: { key: 'image', title: () => t('image'), value: (task) => task.image, text: (task) => shortImage(task.image), width: 220 },
  id: { key: 'id', title: () => t('id'), value: (task) => task.ID, width: 220, optional: true },
} satisfies Record<string, Column<Task>>

/** What the API sorts tasks by. */
export const SORTED = new Set(['name', 'stack', 'node', 'state', 'desired_state', 'updated_at'])
