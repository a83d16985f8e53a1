/** Published ports as they are written in one line. */
import type { PortConfig, Service } from '../../api/types'

// Rows are sorted and filtered by this with every change of any of them; a service that did not change is the same object.
const known = new WeakMap<Service, string>()

/** Return the published ports of a service, as in `8080→80/tcp, 53→53/udp (host)`. */
export function portsOf(service: Service): string {
  let text = known.get(service)
  if (text === undefined) {
    text = service.ports.map(portText).join(', ')
    known.set(service, text)
  }
  return text
}

/** Return a port as it is written in one line. */
export function portText(port: PortConfig): string {
  const published = port.PublishedPort ? `${port.PublishedPort}→` : ''
  return `${published}${port.TargetPort ?? ''}/${port.Protocol || 'tcp'}${port.PublishMode === 'host' ? ' (host)' : ''}`
}
