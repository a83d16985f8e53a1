import { words } from '../../words'

export const t = words({ title: 'Nodes' }, { title: '节点' })
