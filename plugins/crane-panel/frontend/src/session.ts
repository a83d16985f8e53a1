/**
 * The login of whoever looks at the panel: whether there is one, how it ends, and how it comes back.
 *
 * Who needs none (nobody authenticates, or whoever runs the server looks) is known to the server as `local`, and then
 * nothing of this is asked.
 */
import { computed, ref, shallowRef, watch } from 'vue'
import type { RouteLocationNormalized, RouteLocationRaw } from 'vue-router'
import { login, readAuthState } from './api/access'
import type { AuthState } from './api/access'
import { toProblem, type Problem } from './api/problem'
import { hearRefusals } from './api/refusals'
import type { WhoAmI } from './api/types'
import { askCaller, caller, loadCaller, may } from './caller'
import { live, liveState } from './live'

/** How the server lets people in; null where it asks for no login, or another plugin than crane-auth does. */
export const authState = shallowRef<AuthState | null>(null)
/** Whether the login ended while the panel was open. */
export const ended = ref(false)

/** Whether there is an account behind the caller, with a profile of its own. */
export const hasAccount = computed(() => authState.value?.account != null)

/** Where whoever opens the panel stands: known, or first to log in, or first to set the server up. */
export type Standing = 'known' | 'login' | 'setup'

/** Find out who looks at the panel, and whether they have to log in first. */
export async function findStanding(): Promise<Standing> {
  const who = await askWho()
  caller.value = who
  if (who !== null) {
    if (needsLogin()) await loadAuthState()
    return 'known'
  }
  await loadAuthState()
  return authState.value?.set_up === false ? 'setup' : 'login'
}

/** Ask anew how the server lets people in, and who the caller is. */
export async function loadAuthState(): Promise<void> {
  authState.value = await readAuthState()
}

/** Tell whether callers of this sort have logged in. */
function needsLogin(): boolean {
  return caller.value !== null && ['user', 'service'].includes(caller.value.kind)
}

/** Return who the caller is; null where they have to log in first. */
async function askWho(): Promise<WhoAmI | null> {
  try {
    const who = await askCaller()
    return who.kind === 'nobody' ? null : who
  } catch (error) {
    // What the browser shows as its login is none any more.
    if (toProblem(error).status === 401) return null
    throw error
  }
}

// --- Where to go -------------------------------------------------------------------------------------------------------

/** Return an address of this panel; whatever leads elsewhere leads to the dashboard. */
export function localPath(wanted: unknown): string {
  if (typeof wanted !== 'string' || !wanted.startsWith('/')) return '/'
  // Browsers read backslashes as slashes, and pass over control characters.
  const address = new URL(wanted, location.origin)
  if (address.origin !== location.origin || /^\/[/\\]/.test(wanted) || /^\/(api|login|setup)(\/|$|\?)/.test(address.pathname)) return '/'
  return address.pathname + address.search + address.hash
}

/** Return where to go instead of a page, for who stands so; undefined to go there. */
export function divert(standing: Standing, to: RouteLocationNormalized): RouteLocationRaw | undefined {
  if (standing === 'known') return to.path === '/login' ? localPath(to.query['return']) : undefined
  if (standing === 'setup') return to.path === '/setup' ? undefined : { path: '/setup', hash: to.hash }
  if (to.meta.open) return undefined
  return { path: '/login', query: to.fullPath === '/' ? {} : { return: to.fullPath } }
}

// --- Ending ------------------------------------------------------------------------------------------------------------

/** Log out; the next page is the one to log in. */
export async function logOut(): Promise<void> {
  // The server closes this connection with the login, and its loss would be looked into.
  live().close()
  try {
    await login.out()
  } finally {
    // Also where the server did not answer: the page that asks for a login says so then.
    leaveFor('/login')
  }
}

/** Go to a page that belongs to another login, or to none. */
export function leaveFor(address: string): void {
  live().close()
  location.assign(address)
}

function end(): void {
  if (ended.value || !needsLogin()) return
  ended.value = true
  live().close()
}

/** Go on where the login ended; whoever else logged in begins anew. */
export async function resume(name: string): Promise<void> {
  if (name !== caller.value?.name) {
    location.reload()
    return
  }
  await Promise.all([loadCaller(), loadAuthState()])
  ended.value = false
  if (may('live:read')) live().connect()
}

let checking: Promise<void> | null = null

/** Find out whether the caller is still known, and what they may do by now. */
function check(refused = false): Promise<void> {
  checking ??= askWho()
    .then((who) => {
      if (who === null) end()
      // What was known of single objects is forgotten only where something changed.
      else if (refused || JSON.stringify(who) !== JSON.stringify(caller.value)) caller.value = who
    })
    // The server may be gone for a moment; then there is nothing to learn.
    .catch(() => undefined)
    .finally(() => (checking = null))
  return checking
}

/** Be live, and notice when a login ends, or rights change. */
export function watchSession(): void {
  // Whoever is granted nothing yet is let in by no socket.
  watch(
    () => may('live:read'),
    (is) => (is ? live().connect() : live().close()),
    { immediate: true },
  )
  if (!needsLogin()) return
  hearRefusals((problem: Problem) => {
    if (problem.code === 'unauthenticated') end()
    else if (problem.status === 403) void check(true)
  })
  watch(liveState, (state) => {
    // A socket that is refused is closed like one that is lost where the login ended before it was opened.
    if (!ended.value && (state === 'refused' || state === 'lost')) void check()
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && !ended.value) void check()
  })
}
