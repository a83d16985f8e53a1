/** Restoring a backup before there is an account: offered where the server has a route for it. */
import { askUrl } from './client'

const PATH = '/api/v1/setup/restore'

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

/** Send a backup, which replaces what the server has kept. */
export async function restore(file: File, passphrase: string, token: string): Promise<void> {
  const form = new FormData()
  form.append('file', file)
  form.append('passphrase', passphrase)
  form.append('token', token)
  await askUrl(PATH, { method: 'POST', body: form })
}
