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
