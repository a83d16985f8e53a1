import { words } from '../words'

export const t = words(
  {
    silent: '{node} does not answer, and what is there may be missing or old: {error}',
    silentMany: '{n} nodes do not answer, and what is there may be missing or old: {names}',
  },
  {
    silent: '{node} 没有应答，其内容可能缺失或已过时：{error}',
    silentMany: '有 {n} 个节点没有应答，其内容可能缺失或已过时：{names}',
  },
)
