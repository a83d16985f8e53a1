import { words } from '../../words'

export const t = words({ title: 'Operations' }, { title: '操作' })
