/** Commands as they are typed in a shell: words with quotes, for lists of arguments. */

/** Return the words of a line, quotes and backslashes understood; null when a quote is left open. */
export function splitWords(line: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  let quote = ''
  for (let at = 0; at < line.length; at += 1) {
    const sign = line[at]!
    if (quote === "'") {
      if (sign === "'") quote = ''
      else word += sign
    } else if (sign === '\\' && (quote === '' || /["\\$`]/.test(line[at + 1] ?? ''))) {
      at += 1
      if (at >= line.length) return null
      word = (word ?? '') + line[at]!
    } else if (quote === '"') {
      if (sign === '"') quote = ''
      else word += sign
    } else if (sign === '"' || sign === "'") {
      quote = sign
      word ??= ''
    } else if (/\s/.test(sign)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + sign
    }
  }
  if (quote) return null
  if (word !== null) words.push(word)
  return words
}

/** Write words as a line that splits into the same words again. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (/^[^\s'"\\]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`)).join(' ')
}
