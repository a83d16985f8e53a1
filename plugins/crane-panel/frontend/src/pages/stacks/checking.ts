/** Having stack files looked at by the server while they are written: only it knows what is right in them. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { api, ask } from '../../api/client'
import { toProblem, type Problem } from '../../api/problem'
import type { components } from '../../api/schema'
import type { FileNeeds, Violation } from '../../api/types'

export type Files = Omit<components['schemas']['InspectedFiles'], 'check'>

/** Something about a file: wrong, or worth knowing. */
export interface Note extends Violation {
  severity: 'error' | 'warning'
}

export interface Inspection {
  /** What the files name, as it was when they could last be read; null before. */
  needs: ShallowRef<FileNeeds | null>
  /** What keeps them from being deployed, and what is worth knowing of them. */
  notes: ShallowRef<Note[]>
  /** Why they could not be looked at. */
  problem: ShallowRef<Problem | null>
  busy: Ref<boolean>
}

const PAUSE = 400

/** Look at files whenever they change, once the hands rest. @param files Null while there is nothing to look at. */
export function useInspection(files: () => Files | null): Inspection {
  const needs = shallowRef<FileNeeds | null>(null)
  const notes = shallowRef<Note[]>([])
  const problem = shallowRef<Problem | null>(null)
  const busy = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0

  const tell = (found: FileNeeds | null, wrong: Note[], failure: Problem | null): void => {
    // What was found before stays while a file is half-written, so that the form of its variables does not flicker.
    if (found) needs.value = found
    notes.value = wrong
    problem.value = failure
    busy.value = false
  }

  const look = async (wanted: Files): Promise<void> => {
    const number = (asked += 1)
    try {
      const found = await ask(api.POST('/api/v1/stack-files/inspect', { body: { ...wanted, check: true } }))
      if (number === asked) tell(found, [...toNotes(found.violations, 'error'), ...toNotes(found.warnings, 'warning')], null)
    } catch (error) {
      if (number !== asked) return
      const failure = toProblem(error)
      const wrong = errorsOf(failure)
      tell(null, wrong, wrong.length > 0 ? null : failure)
    }
  }

  watch(
    files,
    (wanted) => {
      clearTimeout(timer)
      if (wanted === null) {
        asked += 1
        needs.value = null
        tell(null, [], null)
        return
      }
      busy.value = true
      timer = setTimeout(() => void look(wanted), PAUSE)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    clearTimeout(timer)
    asked += 1
  })
  return { needs, notes, problem, busy }
}

/** Return what a refusal says of the files. */
export function errorsOf(problem: Problem): Note[] {
  if (problem.code !== 'invalid-stack-file') return []
  return toNotes(problem.details.errors ?? [], 'error')
}

function toNotes(found: Violation[], severity: Note['severity']): Note[] {
  return found.map((each) => ({ ...each, severity }))
}
