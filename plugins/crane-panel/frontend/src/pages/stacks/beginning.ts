/** What writing a stack begins with: the present stack, the sample, or the draft of last time; and keeping that draft. */
import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { useRoute } from 'vue-router'
import { api, ask } from '../../api/client'
import { toProblem, type Problem } from '../../api/problem'
import { forgetDraft, keepDraft, readDraft } from './draft'
import { EMPTY_FILE, SAMPLE, SAMPLE_NAME } from './sample'
import type { Written } from './written'

export interface Beginning {
  /** Why the present stack could not be read. */
  problem: ShallowRef<Problem | null>
  /** Whether there is no stack of that name yet. */
  isNew: Ref<boolean>
  /** Whether a draft was found that says something else than the stack does. */
  restored: Ref<boolean>
  /** Whether secret values are shown, so that no draft is kept. */
  revealed: ComputedRef<boolean>
  begin: () => Promise<void>
  /** Forget the draft, and begin. */
  startOver: () => Promise<void>
  /** Keep the draft now. */
  keep: () => void
  /** Tell whether something would be lost by leaving. */
  isUnsaved: () => boolean
  /** What was written has been deployed: nothing is left to lose. */
  settle: () => void
}

const PAUSE = 300

/** @param stack The stack that is changed; null for a new one. */
export function useBeginning(stack: string | null, written: Written): Beginning {
  const { name, files, options, show } = written
  const route = useRoute()
  // What there was before anybody wrote: as long as it is so, nothing is lost.
  const first = ref(stateOf())
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const isNew = ref(false)
  const restored = ref(false)
  const revealed = computed(() => route.query['reveal'] === '1')
  const unsaved = computed(() => stateOf() !== first.value)
  let settled = false
  let keeping: ReturnType<typeof setTimeout> | undefined

  function stateOf(): string {
    return JSON.stringify(files.value.map((file) => [file.name, file.content]))
  }

  async function begin(): Promise<void> {
    problem.value = null
    const draft = revealed.value ? null : readDraft(stack)
    if (stack !== null) await loadPresent(stack)
    else if (route.query['sample'] === '1') {
      name.value = SAMPLE_NAME
      show([{ name: 'stack.yml', content: SAMPLE }])
    }
    first.value = stateOf()
    // Who asks for the sample wants the sample.
    if (!draft || (stack === null && route.query['sample'] === '1')) return
    show(draft.files)
    if (stack === null) name.value = draft.name
    options.prune = draft.prune
    options.resolveImage = draft.resolveImage
    options.profiles = draft.profiles
    restored.value = unsaved.value
  }

  async function loadPresent(name: string): Promise<void> {
    loading.value = true
    try {
      const params = { path: { name }, query: { reveal: revealed.value } }
      const file = await ask(api.GET('/api/v1/stacks/{name}/compose', { params, headers: { Accept: 'application/json' } }))
      if (typeof file !== 'string') show([{ name: `${name}.yml`, content: file.content }])
    } catch (error) {
      const failure = toProblem(error)
      if (failure.status === 404) isNew.value = true
      else problem.value = failure
    } finally {
      loading.value = false
    }
  }

  async function startOver(): Promise<void> {
    forgetDraft(stack)
    restored.value = false
    show([{ name: 'stack.yml', content: EMPTY_FILE }])
    if (stack === null) name.value = ''
    await begin()
  }

  function keep(): void {
    clearTimeout(keeping)
    if (settled || revealed.value || loading.value) return
    if (unsaved.value) keepDraft(stack, { name: name.value, files: files.value, ...options })
    else forgetDraft(stack)
  }

  watch(
    [files, name, options],
    () => {
      clearTimeout(keeping)
      keeping = setTimeout(keep, PAUSE)
    },
    { deep: true },
  )
  onScopeDispose(() => clearTimeout(keeping))

  function settle(): void {
    settled = true
    clearTimeout(keeping)
    forgetDraft(stack)
  }

  return { problem, isNew, restored, revealed, begin, startOver, keep, isUnsaved: () => unsaved.value && !settled, settle }
}
