import { words } from '../../words'

export const t = words({ title: 'Tasks' }, { title: '任务' })
