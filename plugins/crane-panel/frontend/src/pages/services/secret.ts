/**
 * Which values look secret: by the same words as the server goes by, so that a field in which somebody types a password
 * is masked before the server has ever seen it.
 */

/** What the server shows instead of a value that looks secret; sent back it stands for that value. */
export const HIDDEN = '(hidden)'

const WORDS = new Set(['auth', 'cred', 'creds', 'dsn', 'key', 'keys', 'pass', 'psk', 'pw', 'pwd', 'salt'])
const PARTS = ['accesskey', 'apikey', 'authorization', 'credential', 'passphrase', 'passw', 'privatekey', 'secret', 'token']
// A name that ends like this says where the secret is, not what it is.
const WHEREABOUTS = new Set(['file', 'path', 'dir'])

/** Tell whether a variable, label or option of this name may hold a secret. */
export function looksSecret(name: string): boolean {
  const words = (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g) ?? []).map((word) => word.toLowerCase())
  const last = words.at(-1)
  if (last === undefined || WHEREABOUTS.has(last) || words.includes('public')) return false
  const joined = words.join('')
  return words.some((word) => WORDS.has(word)) || PARTS.some((part) => joined.includes(part)) || /(pass|pwd)$/.test(joined)
}
