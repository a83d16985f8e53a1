/** Light or dark: what the system prefers, unless somebody chose. */
import { computed, ref, watchEffect } from 'vue'

export type Theme = 'system' | 'light' | 'dark'

const KEPT = 'crane.theme'
const preference = matchMedia('(prefers-color-scheme: dark)')
const prefersDark = ref(preference.matches)
const kept = localStorage.getItem(KEPT)

export const theme = ref<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system')

preference.addEventListener('change', (event) => {
  prefersDark.value = event.matches
})
/** What is shown: never "system". */
export const shownTheme = computed<'light' | 'dark'>(() =>
  theme.value === 'dark' || (theme.value === 'system' && prefersDark.value) ? 'dark' : 'light',
)
watchEffect(() => {
  document.documentElement.classList.toggle('dark', shownTheme.value === 'dark')
})

/** Choose a theme, for the next visits too. */
export function setTheme(chosen: Theme): void {
  theme.value = chosen
  if (chosen === 'system') localStorage.removeItem(KEPT)
  else localStorage.setItem(KEPT, chosen)
}
