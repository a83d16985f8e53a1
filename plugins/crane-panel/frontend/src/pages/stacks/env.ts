/** Files of variables, read as `crane stack deploy --env-file` reads them. */

export interface EnvFile {
  variables: Record<string, string>
  /** The lines, counted from 1, that are no variable. */
  wrong: number[]
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/

/** Read `NAME=value` on each line; `#` begins a comment, and quotes around a value are dropped. */
export function parseEnv(text: string): EnvFile {
  const file: EnvFile = { variables: {}, wrong: [] }
  for (const [index, line] of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/).entries()) {
    const stripped = line.trim().replace(/^export\s+/, '')
    if (stripped === '' || stripped.startsWith('#')) continue
    const equals = stripped.indexOf('=')
    const name = stripped.slice(0, Math.max(0, equals)).trim()
    if (NAME.test(name)) file.variables[name] = unquote(stripped.slice(equals + 1).trim())
    else file.wrong.push(index + 1)
  }
  return file
}

function unquote(value: string): string {
  const quoted = value.length >= 2 && value[0] === value.at(-1) && (value[0] === '"' || value[0] === "'")
  return quoted ? value.slice(1, -1) : value
}
