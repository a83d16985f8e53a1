/** Why a service is not as it should be, where there is more to say than the state and the figures do. */
import type { Service } from '../../api/types'

export function whyOf(service: Service): string | null {
  const onItsWay = service.state === 'updating' && service.tasks_running >= service.tasks_desired
  return onItsWay ? null : service.why
}
