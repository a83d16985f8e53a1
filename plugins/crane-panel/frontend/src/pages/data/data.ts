/** Configs and secrets, which differ in little: asking for them, and reading what somebody gives as their content. */
import { api, ask } from '../../api/client'
import type { DataObject, Plan } from '../../api/types'
import { askPlan } from '../../parts/change'

export type DataKind = 'secret' | 'config'

/** What is sent of a content: text, or base64 for what is no text. */
export type Content = { content: string } | { data: string }

/** Of larger files the server would take none; the Swarm itself takes less. */
export const LIMITS: Record<DataKind, number> = { secret: 512_000, config: 1_024_000 }

export const pathOf = (kind: DataKind, name: string): string => `/${kind}s/${encodeURIComponent(name)}`

export function create(kind: DataKind, wish: { name: string; labels: Record<string, string>; template: boolean } & Content): Promise<DataObject> {
  return ask(kind === 'secret' ? api.POST('/api/v1/secrets', { body: wish }) : api.POST('/api/v1/configs', { body: wish })) as Promise<DataObject>
}

export async function remove(kind: DataKind, name: string): Promise<void> {
  const params = { path: { name } }
  await ask(kind === 'secret' ? api.DELETE('/api/v1/secrets/{name}', { params }) : api.DELETE('/api/v1/configs/{name}', { params }))
}

export async function relabel(kind: DataKind, name: string, labels: Record<string, string | null>): Promise<void> {
  const wish = { params: { path: { name } }, body: { labels: labels as Record<string, string> } }
  await ask(kind === 'secret' ? api.PATCH('/api/v1/secrets/{name}', wish) : api.PATCH('/api/v1/configs/{name}', wish))
}

export function planRotation(kind: DataKind, name: string, wish: { keep_old: boolean } & Content): Promise<Plan> {
  const sent = { params: { path: { name }, query: { plan: true } }, body: wish }
  return askPlan(kind === 'secret' ? api.POST('/api/v1/secrets/{name}/rotate', sent) : api.POST('/api/v1/configs/{name}/rotate', sent))
}

export function readContent(name: string): Promise<{ content: string | null; data: string }> {
  return ask(api.GET('/api/v1/configs/{name}/content', { params: { path: { name } } }))
}

/** Write bytes as base64. */
export function encode(bytes: Uint8Array): string {
  let text = ''
  // All at once would be more arguments than a call may have.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

/** Read lines of NAME=VALUE; null where one is none. */
export function readLabels(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {}
  for (const line of text.split('\n').map((each) => each.trim()).filter(Boolean)) {
    const at = line.indexOf('=')
    if (at < 1) return null
    labels[line.slice(0, at).trim()] = line.slice(at + 1).trim()
  }
  return labels
}

/** Write labels as they are read; the stack's own is left out. */
export function writeLabels(labels: Record<string, string>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== STACK_LABEL)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

/** Return what has to be sent to turn labels into others: those that go are null. */
export function changedLabels(before: Record<string, string>, after: Record<string, string>): Record<string, string | null> {
  const gone = Object.keys(before).filter((name) => name !== STACK_LABEL && !(name in after))
  const set = Object.entries(after).filter(([name, value]) => before[name] !== value)
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(set) }
}

export const STACK_LABEL = 'com.docker.stack.namespace'
