/** What is written on the page to deploy from: a name, files, values for their variables, files they refer to, options. */
import { computed, reactive, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { Files } from './checking'
import type { RegistryLogin } from './DeployOptions.vue'
import type { DraftFile, ResolveImage } from './draft'
import { asked, freeName, profilesIn, type Attachment } from './files'
import { EMPTY_FILE } from './sample'

export interface OpenFile extends DraftFile {
  id: string
}

export interface Written {
  name: Ref<string>
  files: Ref<OpenFile[]>
  /** The id of the file in sight, and that file. */
  open: Ref<string>
  current: ComputedRef<OpenFile>
  values: Ref<Record<string, string>>
  attachments: ShallowRef<ReadonlyMap<string, Attachment & { size: number }>>
  options: { prune: boolean; resolveImage: ResolveImage; profiles: string[] }
  logins: Ref<RegistryLogin[]>
  /** The profiles that the files name. */
  profiles: ComputedRef<string[]>
  isBlank: ComputedRef<boolean>
  /** What the server is sent to look at; null while there is nothing. */
  sent: ComputedRef<Files | null>
  /** Have these files and no others. */
  show: (shown: readonly DraftFile[]) => void
  write: (id: string, content: string) => void
  /** Have one more file; it replaces one of the same name, and a blank one. */
  add: (name: string, content: string) => void
  create: () => void
  remove: (id: string) => void
}

/** Begin with one empty file. */
export function useWritten(stack: string): Written {
  let made = 0
  const newFile = (name: string, content: string): OpenFile => ({ id: String((made += 1)), name, content })
  const name = ref(stack)
  const files = ref<OpenFile[]>([newFile('stack.yml', EMPTY_FILE)])
  const open = ref(files.value[0]!.id)
  const values = ref<Record<string, string>>({})
  const attachments = shallowRef<ReadonlyMap<string, Attachment & { size: number }>>(new Map())
  const options = reactive({ prune: false, resolveImage: 'always' as ResolveImage, profiles: [] as string[] })
  const logins = ref<RegistryLogin[]>([])

  const profiles = computed(() => profilesIn(files.value.map((file) => file.content)))
  const isBlank = computed(() => files.value.every((file) => file.content.trim() === '' || file.content === EMPTY_FILE))
  const texts = computed(() => [
    ...files.value.map((file) => file.content),
    ...[...attachments.value.values()].filter((each) => each.encoding === 'text').map((each) => each.content),
  ])
  const sent = computed<Files | null>(() =>
    isBlank.value
      ? null
      : {
          files: files.value.map(({ name, content }) => ({ name, content })),
          variables: asked(values.value, texts.value),
          attachments: Object.fromEntries([...attachments.value].map(([path, { content, encoding }]) => [path, { content, encoding }])),
          profiles: options.profiles.filter((profile) => profiles.value.includes(profile)),
          working_dir: '/',
          home: '/root',
          format: 'auto',
        },
  )

  function add(name: string, content: string): void {
    const same = files.value.find((each) => each.name === name)
    const replaced = isBlank.value && files.value.length === 1 ? files.value[0] : same
    const added = newFile(name, content)
    files.value = replaced ? files.value.map((each) => (each === replaced ? added : each)) : [...files.value, added]
    open.value = added.id
  }

  function create(): void {
    const taken = files.value.map((file) => file.name)
    const file = newFile(freeName(files.value.length === 1 ? 'override.yml' : 'stack.yml', taken), EMPTY_FILE)
    files.value = [...files.value, file]
    open.value = file.id
  }

  function remove(id: string): void {
    const at = files.value.findIndex((file) => file.id === id)
    files.value = files.value.filter((file) => file.id !== id)
    if (open.value === id) open.value = (files.value[at] ?? files.value.at(-1)!).id
  }

  return {
    name,
    files,
    open,
    current: computed(() => files.value.find((file) => file.id === open.value) ?? files.value[0]!),
    values,
    attachments,
    options,
    logins,
    profiles,
    isBlank,
    sent,
    show: (shown) => {
      files.value = shown.map((file) => newFile(file.name, file.content))
      open.value = files.value[0]!.id
    },
    write: (id, content) => {
      const file = files.value.find((each) => each.id === id)
      if (file) file.content = content
    },
    add,
    create,
    remove,
  }
}
