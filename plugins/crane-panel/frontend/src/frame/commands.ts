/** What can be done from the search box besides opening a page. */
import { shallowRef } from 'vue'
import { router } from '../router'
import { words } from '../words'
import { LANGUAGES, language, setLanguage } from '../words'
import { setTheme } from './theme'

export interface Command {
  title: () => string
  run: () => void
  /** The action that it needs; null where anybody may. */
  action: string | null
}

const t = words(
  { deploy: 'Deploy a stack', dark: 'Dark theme', light: 'Light theme', system: 'Theme of the system' },
  { deploy: '部署堆栈', dark: '深色主题', light: '浅色主题', system: '跟随系统主题' },
)

export const commands = shallowRef<Command[]>([
  { title: () => t('deploy'), run: () => void router.push('/stacks/-/new'), action: 'stack:update' },
  { title: () => t('dark'), run: () => setTheme('dark'), action: null },
  { title: () => t('light'), run: () => setTheme('light'), action: null },
  { title: () => t('system'), run: () => setTheme('system'), action: null },
  {
    title: () => (language.value === 'en' ? LANGUAGES['zh-CN'] : LANGUAGES.en),
    run: () => setLanguage(language.value === 'en' ? 'zh-CN' : 'en'),
    action: null,
  },
])
