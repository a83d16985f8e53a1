/** Images as people think of them: one thing, whichever nodes have it. */
import type { ImagePull, NodeImage } from '../../api/types'
import { toProblem } from '../../api/problem'

export interface Image {
  id: string
  name: string
  tags: string[]
  nodes: string[]
  size: number
  created_at: string | null
  in_use: boolean
  dangling: boolean
}

/** Put together what several nodes tell of the same image; its names may differ from node to node. */
export function together(images: readonly NodeImage[]): Image[] {
  const found = new Map<string, Image>()
  for (const each of images) {
    const image = found.get(each.id)
    if (!image) {
      found.set(each.id, { ...each, tags: [...each.tags], nodes: [each.node] })
      continue
    }
    image.nodes.push(each.node)
    image.tags = [...new Set([...image.tags, ...each.tags])].sort()
    image.in_use ||= each.in_use
    image.dangling &&= each.dangling
    image.name = image.tags[0] ?? image.name
  }
  for (const image of found.values()) image.nodes.sort()
  return [...found.values()]
}

export interface Failure {
  node: string
  why: string
}

/** Return where a change went wrong, of what it came to on each node. */
export function failuresOf(outcomes: { nodes: { node: string; outcome: string; why?: string | null }[] }): Failure[] {
  return outcomes.nodes.filter((each) => each.outcome === 'failed').map((each) => ({ node: each.node, why: each.why ?? '' }))
}

/** Return the beginning of an id, as docker shows it. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12)
}

/** Return where an image is shown. */
export function pathOf(image: { id: string }): string {
  return `/images/${image.id.replace(/^sha256:/, '')}`
}

/** Carry out a pull; what each node tells is handed over as it comes. Throws a Problem where it is refused. */
export async function pull(
  image: string,
  nodes: string[],
  tell: (news: ImagePull) => void,
  signal: AbortSignal,
): Promise<void> {
  let response: Response
  try {
    response = await fetch('/api/v1/images/pull', {
      method: 'POST',
      headers: { Accept: 'application/x-ndjson', 'Content-Type': 'application/json' },
      body: JSON.stringify({ image, nodes }),
      signal,
    })
  } catch (error) {
    throw toProblem(error)
  }
  if (!response.ok || !response.body) throw toProblem(await response.json().catch(() => null), response.status)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    const lines = (rest + (value ?? '')).split('\n')
    rest = done ? '' : (lines.pop() ?? '')
    for (const line of lines) if (line.trim()) tell(JSON.parse(line) as ImagePull)
    if (done) return
  }
}
