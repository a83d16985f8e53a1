/** How hard a password is to guess, roughly: for advice while one is typed. The server has the last word. */

export type Strength = 'none' | 'short' | 'weak' | 'fair' | 'strong'

const COMMON = ['password', 'passwort', 'qwerty', 'letmein', 'welcome', 'admin', 'crane', 'docker', 'swarm', 'secret', 'iloveyou', 'abc123', '123456']
// What guessing costs, in bits: below the first it is weak, from the second on it is strong.
const FAIR = 45
const STRONG = 80

/** Estimate a password of at least so many characters. */
export function strengthOf(password: string, shortest: number, ...known: string[]): Strength {
  const letters = [...password]
  if (letters.length === 0) return 'none'
  if (letters.length < shortest) return 'short'
  const bits = bitsOf(strip(password.toLowerCase(), [...COMMON, ...known.filter((each) => each.length > 2).map((each) => each.toLowerCase())]), password)
  if (bits < FAIR) return 'weak'
  return bits < STRONG ? 'fair' : 'strong'
}

/** Take out what is guessed first, as if each were one letter. */
function strip(password: string, words: string[]): string {
  return words.reduce((left, word) => left.replaceAll(word, '\u0000'), password)
}

function bitsOf(stripped: string, whole: string): number {
  let size = 0
  if (/[a-z]/.test(whole)) size += 26
  if (/[A-Z]/.test(whole)) size += 26
  if (/\d/.test(whole)) size += 10
  if (/[^a-zA-Z\d]/.test(whole)) size += 24
  let counted = 0
  let before = NaN
  let step = NaN
  for (const letter of stripped) {
    const code = letter.codePointAt(0)!
    const moved = code - before
    // aaa, abc and 321 say nothing new with each letter.
    counted += moved === step && Math.abs(moved) <= 1 ? 0.2 : 1
    step = moved
    before = code
  }
  // Few different letters are few, however many there are.
  const different = new Set(stripped).size
  return Math.min(counted, different * 2) * Math.log2(Math.max(size, 2))
}
