/** Files that somebody brings along: stack files, files of variables, and those that stack files refer to. */
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { FileNeeds } from '../../api/types'
import { parseEnv } from './env'
import { attach, kindOf, LARGEST_FILE, pathFor, referred, type NeededPath, type Referred } from './files'
import { nameFrom } from './names'
import { t } from './words'
import type { Written } from './written'

export interface Brought {
  /** What became of them, in sentences. */
  told: Ref<string[]>
  /** The files that the stack files refer to, whether they are there or not. */
  paths: ComputedRef<Referred[]>
  /** Take files, each as what its name says it is. */
  bring: (brought: File[]) => Promise<void>
  /** Take files of variables. */
  fill: (chosen: File[]) => Promise<void>
  /** Take a file that is referred to by a path. */
  attachFile: (path: string, file: File) => Promise<void>
  detach: (path: string) => void
}

/** @param needs What the server says the stack files need. */
export function useBrought(written: Written, needs: ShallowRef<FileNeeds | null>): Brought {
  const { name, values, attachments } = written
  const told = ref<string[]>([])
  // The server does not tell of a path any more once its file is there.
  const known = shallowRef<ReadonlyMap<string, NeededPath>>(new Map())
  watch(needs, (now) => {
    known.value = new Map([...known.value, ...(now?.paths ?? []).map((each) => [each.path, each] as const)])
  })
  const sizes = computed(() => new Map([...attachments.value].map(([path, { size }]) => [path, size])))

  async function bring(brought: File[]): Promise<void> {
    told.value = []
    const needed = [...known.value.keys()]
    for (const file of brought) {
      const kind = kindOf(file.name, needed)
      if (file.size > LARGEST_FILE) told.value.push(t('tooLarge', { file: file.name }))
      else if (kind === 'variables') await bringVariables(file)
      else if (kind === 'stack') await bringStackFile(file)
      else {
        const path = pathFor(file.name, needed)
        if (path === null) told.value.push(t('notReferred', { file: file.name }))
        else await attachFile(path, file)
      }
    }
  }

  async function bringStackFile(file: File): Promise<void> {
    const { content, encoding } = attach(new Uint8Array(await file.arrayBuffer()))
    if (encoding !== 'text') {
      told.value.push(t('notText', { file: file.name }))
      return
    }
    written.add(file.name, content)
    if (name.value === '') name.value = nameFrom(file.name)
  }

  async function bringVariables(file: File): Promise<void> {
    const read = parseEnv(await file.text())
    values.value = { ...values.value, ...read.variables }
    told.value.push(t('envRead', { file: file.name, n: Object.keys(read.variables).length }))
    if (read.wrong.length > 0) {
      told.value.push(t('envWrong', { file: file.name, n: read.wrong.length, lines: read.wrong.join(', ') }))
    }
  }

  async function fill(chosen: File[]): Promise<void> {
    told.value = []
    for (const file of chosen) await bringVariables(file)
  }

  async function attachFile(path: string, file: File): Promise<void> {
    if (file.size > LARGEST_FILE) {
      told.value.push(t('tooLarge', { file: file.name }))
      return
    }
    const attachment = attach(new Uint8Array(await file.arrayBuffer()))
    attachments.value = new Map([...attachments.value, [path, { ...attachment, size: file.size }]])
  }

  return {
    told,
    paths: computed(() => referred(needs.value?.paths ?? [], known.value, sizes.value)),
    bring,
    fill,
    attachFile,
    detach: (path) => (attachments.value = new Map([...attachments.value].filter(([each]) => each !== path))),
  }
}
