/**
 * Asking the REST API.
 *
 * `api` has a method for each HTTP method, typed after our own OpenAPI document; `ask` unwraps its answer or throws a
 * Problem:  `const stack = await ask(api.GET('/api/v1/stacks/{name}', { params: { path: { name } } }))`.
 */
import createClient from 'openapi-fetch'
import { Problem, toProblem } from './problem'
import { tellRefusal } from './refusals'
import type { paths } from './schema'

export const api = createClient<paths>({
  // A relative address is relative to the page; fetch is looked up late, so that tests can stand in for it.
  baseUrl: '',
  fetch: (request) => globalThis.fetch(request),
})

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** Return what was answered; throws a Problem for an error. */
export async function ask<Data>(answer: Promise<Answer<Data>>): Promise<NonNullable<Data>> {
  let answered: Answer<Data>
  try {
    answered = await answer
  } catch (error) {
    throw toProblem(error)
  }
  if (!answered.response.ok) throw failed(answered.error, answered.response)
  return answered.data as NonNullable<Data>
}

/** Return the problem of an answer, with what only its headers say. */
function failed(error: unknown, response: Response): Problem {
  const problem = toProblem(error, response.status)
  const pause = Number(response.headers.get('Retry-After') ?? '')
  if (pause > 0) problem.details['retry_after'] = pause
  tellRefusal(problem)
  return problem
}

/** Ask an address that the OpenAPI document of the core does not name, as those of plugins are; throws a Problem. */
export async function askUrl<Data>(
  url: string,
  options: Omit<RequestInit, 'headers'> & { json?: unknown; headers?: Record<string, string> } = {},
): Promise<Data> {
  const { json, headers, ...rest } = options
  if (!url.startsWith('/') || url.startsWith('//')) {
    const detail = `${url} is no address of this server.`
    throw new Problem({ code: 'foreign-address', status: 0, title: 'The address is another host.', detail })
  }
  let response: Response
  try {
    response = await fetch(url, {
      ...rest,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      headers: { ...headers, Accept: 'application/json', ...(json === undefined ? {} : { 'Content-Type': 'application/json' }) },
    })
  } catch (error) {
    throw toProblem(error)
  }
  const text = await response.text()
  let body: unknown = null
  try {
    body = text ? JSON.parse(text) : null
  } catch {
    // An answer that is no JSON explains nothing.
  }
  if (!response.ok) throw failed(body, response)
  return body as Data
}

/** Ask an address for text that is read as it comes; throws a Problem, also where it breaks off. */
export async function* askStream(url: string, accept: string, signal: AbortSignal): AsyncGenerator<string, void> {
  try {
    const response = await fetch(url, { headers: { Accept: accept }, signal })
    if (!response.ok) throw failed(await response.json().catch(() => null), response)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value
  } catch (error) {
    throw toProblem(error)
  }
}
