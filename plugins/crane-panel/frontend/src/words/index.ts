/**
 * What the panel says, in each of its languages.
 *
 * Each part of the panel has its own words beside it: `const t = words({ title: 'Stacks' }, { title: '堆栈' })`, and
 * `t('title')` in a template. A word that one language lacks is an error of types. In a text `{name}` stands for a value
 * and `{n|service|services}` for the form that goes with a number.
 */
import { computed, ref, watchEffect } from 'vue'

export const LANGUAGES = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof LANGUAGES
export type Values = Record<string, string | number>
export type Translate<Key extends string> = (key: Key, values?: Values) => string

const KEPT = 'crane.language'

export const language = ref<Language>(firstLanguage())

watchEffect(() => {
  document.documentElement.lang = language.value
})

/** Say everything in another language from now on, and in the next visits. */
export function setLanguage(chosen: Language): void {
  language.value = chosen
  localStorage.setItem(KEPT, chosen)
}

function firstLanguage(): Language {
  const kept = localStorage.getItem(KEPT)
  if (kept !== null && kept in LANGUAGES) return kept as Language
  return navigator.languages.some((each) => each.toLowerCase().startsWith('zh')) ? 'zh-CN' : 'en'
}

/** Return a function that says something in the present language. */
export function words<const English extends Record<string, string>>(
  english: English,
  chinese: { [Key in keyof English]: string },
): Translate<Extract<keyof English, string>> {
  return (key, values) => fill((language.value === 'en' ? english : chinese)[key] ?? key, values)
}

/** Put values into a text. */
export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = values[name]
    if (value === undefined) return whole
    if (one !== undefined && many !== undefined) return Number(value) === 1 ? one : many
    return typeof value === 'number' ? number(value) : value
  })
}

// Formatters take long to make, and are wanted again and again.
const numbers = computed(() => {
  const tag = language.value
  const made = new Map<string, Intl.NumberFormat>()
  return (options: Intl.NumberFormatOptions | undefined): Intl.NumberFormat => {
    const key = JSON.stringify(options ?? {})
    let formatter = made.get(key)
    if (!formatter) made.set(key, (formatter = new Intl.NumberFormat(tag, options)))
    return formatter
  }
})

/** Write a number as the present language does. */
export function number(value: number, options?: Intl.NumberFormatOptions): string {
  // Most are small and whole, and look the same everywhere.
  if (Number.isInteger(value) && Math.abs(value) < 1000 && isPlain(options)) return String(value)
  return numbers.value(options).format(value)
}

function isPlain(options: Intl.NumberFormatOptions | undefined): boolean {
  return !options || Object.keys(options).every((key) => key === 'maximumFractionDigits')
}

/** Write an amount of percent. */
export function percent(value: number, options?: Intl.NumberFormatOptions): string {
  return number(value / 100, { maximumFractionDigits: 0, ...options, style: 'percent' })
}

/** Write an amount of bytes, in powers of 1024. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let amount = value
  let unit = 0
  while (Math.abs(amount) >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit += 1
  }
  return `${number(amount, { maximumFractionDigits: amount < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`
}

const relative = computed(() => new Intl.RelativeTimeFormat(language.value, { numeric: 'auto', style: 'short' }))
const absolute = computed(
  () => new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'medium' }),
)

/** Write a moment as it is on the clock. */
export function clock(moment: string): string {
  const time = Date.parse(moment)
  return Number.isNaN(time) ? moment : absolute.value.format(time)
}

/** Write how long ago a moment was, in its largest unit. */
export function ago(moment: string, now: number): string {
  const seconds = (Date.parse(moment) - now) / 1000
  if (Number.isNaN(seconds)) return moment
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['second', 60],
    ['minute', 3600],
    ['hour', 86400],
    ['day', 86400 * 30],
    ['month', 86400 * 365],
  ]
  let size = 1
  for (const [unit, limit] of steps) {
    // The clock of the server may be a little ahead of this one.
    if (Math.abs(seconds) < limit) return relative.value.format(Math.min(0, Math.trunc(seconds / size)), unit)
    size = limit
  }
  return relative.value.format(Math.trunc(seconds / size), 'year')
}
