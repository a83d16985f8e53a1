import { words } from '../../words'

export const t = words({ title: 'Dashboard' }, { title: '概览' })
