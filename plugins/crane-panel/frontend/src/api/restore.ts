/** Restoring a backup before there is an account: offered where the server has a route for it. */
import { readAuthState, type AuthState } from './access'
import { askUrl } from './client'
import { Problem } from './problem'

const PATH = '/api/v1/auth/restore'
// The server starts anew with what it was sent; how often it is asked meanwhile, and for how long.
const PAUSE = 1_000
const LONGEST = 120_000

/** Tell whether the server can be sent a backup. */
export async function hasRestore(): Promise<boolean> {
  try {
    const document = await askUrl<{ paths: Record<string, unknown> }>('/api/v1/openapi.json')
    return PATH in document.paths
  } catch {
    // Whoever cannot be told is not offered it; accounts can be made all the same.
    return false
  }
}

/** Send a backup, which replaces what the server has kept, and wait until the server has started anew with it. */
export async function restore(file: File, passphrase: string, token: string): Promise<void> {
  const form = new FormData()
  form.append('file', file)
  form.append('passphrase', passphrase)
  // It is looked at before the file is read.
  await askUrl(PATH, { method: 'POST', body: form, headers: { 'Crane-Setup-Token': token } })
  const end = Date.now() + LONGEST
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
    const state = await readQuietly()
    const trouble = state?.restore_problem
    if (trouble) throw new Problem({ code: 'restore-failed', status: 0, title: trouble, detail: trouble })
    if (state?.set_up) return
  }
  const detail = 'The server has not come back with the backup. Its log tells more.'
  throw new Problem({ code: 'restore-failed', status: 0, title: detail, detail })
}

async function readQuietly(): Promise<AuthState | null> {
  try {
    return await readAuthState()
  } catch {
    // It is starting.
    return null
  }
}
