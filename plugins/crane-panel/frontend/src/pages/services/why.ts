/** Why a service is not as it should be, where there is more to say than the state and the figures do. */
import type { Service } from '../../api/types'
import { sayPlainly } from '../../words/said'

export function whyOf(service: Service): string | null {
  const onItsWay = service.state === 'updating' && service.tasks_running >= service.tasks_desired
  return onItsWay ? null : service.why
}

/** Return why as one text in the present language, for titles and filters. */
export function whyPlainly(service: Service): string | undefined {
  return service.why ? sayPlainly('cause', service.why_code, service.why) : undefined
}
