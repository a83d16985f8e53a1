import { words } from '../../words'

export const t = words({ title: 'Stacks' }, { title: '堆栈' })
