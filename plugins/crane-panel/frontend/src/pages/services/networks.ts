/** The names of networks, which a spec only knows by their ids. */
import type { Place, Service, Task } from '../../api/types'

interface Attachment {
  Network?: { ID?: string; Spec?: { Name?: string } }
}

/** Return the names by id, as far as tasks that are attached to the networks tell them. */
export function networkNames(places: Iterable<Place>): Map<string, string> {
  const names = new Map<string, string>()
  for (const place of places) {
    for (const task of [place.current, ...place.earlier]) {
      for (const { Network } of attachmentsOf(task)) {
        if (Network?.ID && Network.Spec?.Name) names.set(Network.ID, Network.Spec.Name)
      }
    }
  }
  return names
}

function attachmentsOf(task: Task): Attachment[] {
  const found = task['NetworksAttachments']
  return Array.isArray(found) ? (found as Attachment[]) : []
}

/** Return the networks of a service, wherever its spec names them. */
export function networksOf(service: Service): { Target?: string; Aliases?: string[] }[] {
  const { TaskTemplate, Networks } = service.Spec
  return TaskTemplate?.Networks ?? (Array.isArray(Networks) ? (Networks as { Target?: string }[]) : [])
}

/** Return the virtual addresses of a service by network. */
export function addressesOf(service: Service): Map<string, string> {
  const found = (service.Endpoint as { VirtualIPs?: { NetworkID: string; Addr?: string }[] } | undefined)?.VirtualIPs ?? []
  return new Map(found.map((each) => [each.NetworkID, each.Addr ?? '']))
}
