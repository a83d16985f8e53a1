/** What is said of nodes with which something is wrong: on their own pages, and on the first page. */
import type { SwarmNode } from '../../api/types'
import { words } from '../../words'
import { faultOf } from './node'

const t = words(
  {
    down: 'It does not answer: {message}. Its tasks are started elsewhere if they can be.',
    downUnsaid: 'It does not answer. Its tasks are started elsewhere if they can be.',
    unreachable: 'The other managers cannot reach it. Without a majority of managers nothing can be changed.',
    drained: 'It is drained: it gets no tasks, and those that it had went elsewhere.',
    paused: 'It is paused: it keeps its tasks and gets no new ones.',
  },
  {
    down: '节点没有响应：{message}。如有可能，其任务会在其他节点上启动。',
    downUnsaid: '节点没有响应。如有可能，其任务会在其他节点上启动。',
    unreachable: '其他管理节点无法连接它。没有多数管理节点时无法进行任何变更。',
    drained: '已排空：不再分配任务，原有任务已转移到其他节点。',
    paused: '已暂停调度：保留现有任务，但不再分配新任务。',
  },
)

/** Say what is wrong with a node and what comes of it; null when nothing is. */
export function sayFault(node: SwarmNode): string | null {
  const fault = faultOf(node)
  if (fault !== 'down') return fault && t(fault)
  const message = node.Status?.Message
  return message ? t('down', { message }) : t('downUnsaid')
}
