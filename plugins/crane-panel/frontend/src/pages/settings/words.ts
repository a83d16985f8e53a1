import { words } from '../../words'

export const t = words({ title: 'Settings' }, { title: '设置' })
