import { computed, type WritableComputedRef } from 'vue'
import { useQueryValue } from '../../parts/query'
import type { Span } from './span'

/** Keep the part of a log that is shown in the address, so that it can be linked to. */
export function useSpan(): WritableComputedRef<Span> {
  const tail = useQueryValue('tail')
  const since = useQueryValue('since')
  const until = useQueryValue('until')
  return computed({
    get: () => ({ tail: tail.value, since: since.value, until: until.value }),
    set: (span) => {
      tail.value = span.tail
      since.value = span.since
      until.value = span.until
    },
  })
}
