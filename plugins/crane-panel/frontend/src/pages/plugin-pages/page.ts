/** Pages as the server describes them. */
import type { components } from '../../api/schema'

export type Page = components['schemas']['Page']
export type PageColumn = components['schemas']['PageColumn']
export type PageAction = components['schemas']['PageAction']
export type PageField = components['schemas']['PageField']

/** What a list holds. */
export type Item = Record<string, unknown>

// What the server answers itself, or what it takes for a file: a page there would be gone when it is loaded again.
const NO_PAGE = /^\/(?:(?:api|metrics|assets)(?:\/|$)|[^/]*\.)/

/** Return the address of a page as a browser writes it. */
export function addressOf(path: string): string {
  return new URL(path, location.origin).pathname
}

/** Tell whether the server sends the panel for an address. */
export function isPanelAddress(address: string): boolean {
  return !NO_PAGE.test(address)
}

/** Return an address as a pattern of the router, in which nothing stands for anything else. */
export function patternOf(address: string): string {
  return address.replaceAll(':', '\\:')
}

/** Return a page in another language, as far as it has words there; each text is what it is without. */
export function inLanguage(page: Page, language: string): Page {
  const words = page.words[language]
  if (!words) return page
  const say = (text: string): string => (Object.hasOwn(words, text) ? words[text]! : text)
  return {
    ...page,
    title: say(page.title),
    columns: page.columns.map((column) => ({ ...column, title: say(column.title) })),
    actions: page.actions.map((action) => ({
      ...action,
      label: say(action.label),
      confirm: say(action.confirm),
      fields: action.fields.map((field) => ({ ...field, title: say(field.title), help: say(field.help) })),
    })),
  }
}
