import { words } from '../../words'

export const t = words({ title: 'Services' }, { title: '服务' })
