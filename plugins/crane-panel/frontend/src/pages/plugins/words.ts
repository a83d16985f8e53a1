import { words } from '../../words'

export const t = words({ title: 'Plugins' }, { title: '插件' })
