/** The objects of the API, by the names that the panel calls them. */
import type { components, paths } from './schema'

type Schemas = components['schemas']
/** The members of an object that are named; without it, leaving some out would make all others unknown. */
export type Named<T> = { [Member in keyof T as string extends Member ? never : Member]: T[Member] }

export type Stack = Schemas['Stack']
export type StackDetail = Schemas['StackDetail']
export type Task = Schemas['Task']
export type Revision = Schemas['history.Revision']
export type RevisionDiff = Schemas['history.RevisionDiff']
export type TaskWhy = Schemas['history.TaskWhy']
export type Operation = Schemas['Operation']
export type ServiceProgress = Operation['services'][number]
export type Verdict = NonNullable<Operation['verdict']>
export type Plan = Schemas['Plan']
export type Change = Plan['changes'][number]
export type FieldChange = Change['fields'][number]
export type Violation = Schemas['Violation']
export type Plugin = Schemas['Plugin']
export type Setting = Schemas['Setting']
export type WhoAmI = Schemas['WhoAmI']
export type Source = Schemas['Source']
export type FileNeeds = Schemas['FileNeeds']
export type Place = Schemas['Place']
export type Paths = paths

/** A service with the parts of its spec that the panel looks at; the others are there too, and are kept. */
export type Service = Omit<Named<Schemas['Service']>, 'Spec' | 'PreviousSpec' | 'UpdateStatus'> & {
  Spec: ServiceSpec
  PreviousSpec?: ServiceSpec
  UpdateStatus?: { State?: string; StartedAt?: string; CompletedAt?: string; Message?: string }
}

/** A node with the parts of it that the panel looks at. */
export type SwarmNode = Omit<Named<Schemas['Node']>, 'Spec' | 'Description' | 'Status' | 'ManagerStatus'> & {
  Spec?: { Labels?: Record<string, string>; Role?: string; Availability?: string }
  Description?: {
    Hostname?: string
    Platform?: { Architecture?: string; OS?: string }
    Resources?: { NanoCPUs?: number; MemoryBytes?: number; GenericResources?: unknown[] }
    Engine?: { EngineVersion?: string; Labels?: Record<string, string>; Plugins?: { Type: string; Name: string }[] }
  }
  Status?: { State?: string; Message?: string; Addr?: string }
  ManagerStatus?: { Leader?: boolean; Reachability?: string; Addr?: string }
}

/** A container with the parts of the Engine's list that the panel looks at. */
export type Container = Named<Schemas['Container']> & {
  Created?: number
  Labels?: Record<string, string>
  Ports?: ContainerPort[]
  Mounts?: ContainerMount[]
}
export interface ContainerPort {
  IP?: string
  PrivatePort: number
  PublicPort?: number
  Type?: string
}
export interface ContainerMount {
  Type?: string
  Name?: string
  Source?: string
  Destination?: string
  RW?: boolean
}
/** A container as its node's Engine inspects it. */
export type ContainerDetail = Omit<Container, 'Created'> & {
  Created?: string
  error: string | null
  Config?: { Cmd?: string[]; Entrypoint?: string[]; Env?: string[]; Labels?: Record<string, string>; User?: string; Tty?: boolean }
  State?: { StartedAt?: string; FinishedAt?: string; OOMKilled?: boolean; Error?: string }
  HostConfig?: { RestartPolicy?: { Name?: string }; Memory?: number; NanoCpus?: number; Privileged?: boolean }
  NetworkSettings?: { Networks?: Record<string, { IPAddress?: string }> }
}
export type NodeImage = Named<Schemas['NodeImage']>
export type ImageStep = Named<Schemas['ImageStep']> & { CreatedBy?: string }
export type ImagePull = Schemas['ImagePull']
export type Volume = Omit<Named<Schemas['Volume']>, 'Labels' | 'Options'> & {
  CreatedAt?: string
  Mountpoint?: string
  Labels?: Record<string, string> | null
  Options?: Record<string, string> | null
}
export type VolumeDetail = Volume & Pick<Schemas['VolumeDetail'], 'used_by_containers' | 'used_by_services'>
export type PrunePreview = Schemas['Preview']
export type Pruning = Schemas['Pruning']

/** A list as the API answers with it. */
export interface List<Item> {
  items: Item[]
  total: number
  version: string
  sources: Source[]
}

// --- The Engine's own shapes, as far as the panel reads or writes them ------------------------------------------------

export interface ServiceSpec {
  Name?: string
  Labels?: Record<string, string>
  TaskTemplate?: TaskTemplate
  Mode?: {
    Replicated?: { Replicas?: number }
    Global?: object
    ReplicatedJob?: { MaxConcurrent?: number; TotalCompletions?: number }
    GlobalJob?: object
  }
  UpdateConfig?: UpdateConfig
  RollbackConfig?: UpdateConfig
  EndpointSpec?: { Mode?: string; Ports?: PortConfig[] }
  [member: string]: unknown
}

export interface TaskTemplate {
  ContainerSpec?: ContainerSpec
  Resources?: { Limits?: Resources; Reservations?: Resources }
  RestartPolicy?: { Condition?: string; Delay?: number; MaxAttempts?: number; Window?: number }
  Placement?: {
    Constraints?: string[]
    Preferences?: { Spread?: { SpreadDescriptor?: string } }[]
    MaxReplicas?: number
    Platforms?: unknown[]
  }
  Networks?: { Target?: string; Aliases?: string[] }[]
  LogDriver?: { Name?: string; Options?: Record<string, string> }
  ForceUpdate?: number
  [member: string]: unknown
}

export interface ContainerSpec {
  Image?: string
  Command?: string[]
  Args?: string[]
  Env?: string[]
  Labels?: Record<string, string>
  Dir?: string
  User?: string
  Hostname?: string
  Mounts?: Mount[]
  Healthcheck?: {
    Test?: string[]
    Interval?: number
    Timeout?: number
    Retries?: number
    StartPeriod?: number
    StartInterval?: number
  }
  StopSignal?: string
  StopGracePeriod?: number
  Init?: boolean
  ReadOnly?: boolean
  TTY?: boolean
  Hosts?: string[]
  Secrets?: { SecretName?: string; SecretID?: string; File?: { Name?: string } }[]
  Configs?: { ConfigName?: string; ConfigID?: string; File?: { Name?: string } }[]
  [member: string]: unknown
}

export interface Mount {
  Type?: string
  Source?: string
  Target?: string
  ReadOnly?: boolean
  [member: string]: unknown
}

export interface Resources {
  NanoCPUs?: number
  MemoryBytes?: number
  Pids?: number
  GenericResources?: unknown[]
}

export interface UpdateConfig {
  Parallelism?: number
  Delay?: number
  FailureAction?: string
  Monitor?: number
  MaxFailureRatio?: number
  Order?: string
}

export interface PortConfig {
  Name?: string
  Protocol?: string
  TargetPort?: number
  PublishedPort?: number
  PublishMode?: string
}

// --- Configs, secrets, networks ---------------------------------------------------------------------------------------

/** A config or a secret, with the parts of it that the panel looks at. */
export type DataObject = Omit<Named<Schemas['Secret']>, 'Spec'> & {
  Spec: { Labels?: Record<string, string>; Templating?: { Name?: string }; Driver?: { Name?: string } }
  digest?: string
}
export type DataUse = Named<Schemas['Use']>
export type Network = Omit<Named<Schemas['Network']>, 'Labels' | 'Options'> & {
  Labels?: Record<string, string> | null
  Options?: Record<string, string> | null
}
export type Member = Schemas['Member']
export type Connected = Schemas['Connected']
export type Graph = Schemas['Graph']
