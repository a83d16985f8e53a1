"""The parts that records are made of, under Docker's own JSON names.

Only what Crane reads is named; the rest of what the Engine sends is skipped when it is decoded. Defaults are the zero
values with which the Engine leaves a member out, so that an encoded part has the Engine's shape again.
"""

from __future__ import annotations

from msgspec import Struct


class Part(Struct, frozen=True, omit_defaults=True, gc=False):
    """A part of a record. Records are trees, so the cyclic garbage collector need not walk them."""


class ObjectVersion(Part, frozen=True):
    """The version of an object, which every change of it raises."""

    Index: int = 0


class Port(Part, frozen=True):
    """A port of a service or task: ``PublishMode`` is ``ingress`` or ``host``."""

    Name: str = ""
    Protocol: str = ""
    TargetPort: int = 0
    PublishedPort: int = 0
    PublishMode: str = ""


class PlatformName(Part, frozen=True):
    """What an image or a node runs on, as in ``x86_64`` (or ``amd64``) and ``linux``."""

    Architecture: str = ""
    OS: str = ""


class NamedResource(Part, frozen=True):
    """A generic resource that is known by names, such as the serial numbers of GPUs."""

    Kind: str = ""
    Value: str = ""


class DiscreteResource(Part, frozen=True):
    """A generic resource that is counted."""

    Kind: str = ""
    Value: int = 0


class GenericResource(Part, frozen=True):
    """One of the two forms of a generic resource."""

    NamedResourceSpec: NamedResource | None = None
    DiscreteResourceSpec: DiscreteResource | None = None


class ResourceAmount(Part, frozen=True):
    """An amount of resources: billionths of a processor, bytes, and generic resources."""

    NanoCPUs: int = 0
    MemoryBytes: int = 0
    Pids: int = 0
    GenericResources: tuple[GenericResource, ...] | None = None


class TaskResources(Part, frozen=True):
    """What a task may use at most, and what is set aside for it on its node."""

    Limits: ResourceAmount | None = None
    Reservations: ResourceAmount | None = None


class SpreadOver(Part, frozen=True):
    """The label over whose values tasks are spread."""

    SpreadDescriptor: str = ""


class Preference(Part, frozen=True):
    """A preference of placement."""

    Spread: SpreadOver | None = None


class PlacementRules(Part, frozen=True):
    """On which nodes tasks may run."""

    Constraints: tuple[str, ...] | None = None
    Preferences: tuple[Preference, ...] | None = None
    MaxReplicas: int = 0
    Platforms: tuple[PlatformName, ...] | None = None


class FileTarget(Part, frozen=True):
    """The file that a config or secret is in a container; ``Mode`` is the number of its permissions."""

    Name: str = ""
    UID: str = ""
    GID: str = ""
    Mode: int = 0


class ConfigReference(Part, frozen=True):
    """A config that a container is given."""

    ConfigID: str = ""
    ConfigName: str = ""
    File: FileTarget | None = None


class SecretReference(Part, frozen=True):
    """A secret that a container is given."""

    SecretID: str = ""
    SecretName: str = ""
    File: FileTarget | None = None


class DriverChoice(Part, frozen=True):
    """A driver of a volume, a log, a secret or a template."""

    Name: str = ""
    Options: dict[str, str] | None = None


class VolumeRules(Part, frozen=True):
    """How a volume is made, in part."""

    DriverConfig: DriverChoice | None = None


class Mount(Part, frozen=True):
    """A mount of a container: ``Type`` is ``bind``, ``volume``, ``tmpfs``, ``npipe`` or ``cluster``."""

    Type: str = ""
    Source: str = ""
    Target: str = ""
    VolumeOptions: VolumeRules | None = None


class ContainerPart(Part, frozen=True):
    """The container of a task, in part."""

    Image: str = ""
    Labels: dict[str, str] | None = None
    Mounts: tuple[Mount, ...] | None = None
    Configs: tuple[ConfigReference, ...] | None = None
    Secrets: tuple[SecretReference, ...] | None = None


class NetworkReference(Part, frozen=True):
    """A network that a service is attached to; ``Target`` is its id."""

    Target: str = ""
    Aliases: tuple[str, ...] | None = None


class RestartRules(Part, frozen=True):
    """When tasks are started again; ``Delay`` and ``Window`` in nanoseconds."""

    Condition: str = ""
    Delay: int | None = None
    MaxAttempts: int | None = None
    Window: int | None = None


class TemplatePart(Part, frozen=True):
    """What each task of a service is made from, in part."""

    ContainerSpec: ContainerPart = ContainerPart()
    Resources: TaskResources | None = None
    RestartPolicy: RestartRules | None = None
    Placement: PlacementRules | None = None
    Networks: tuple[NetworkReference, ...] | None = None
    LogDriver: DriverChoice | None = None
    ForceUpdate: int = 0


class ReplicatedMode(Part, frozen=True):
    """A mode with a number of replicas."""

    Replicas: int | None = None


class ReplicatedJobMode(Part, frozen=True):
    """A mode that ends after a number of completions."""

    MaxConcurrent: int | None = None
    TotalCompletions: int | None = None


class BareMode(Part, frozen=True):
    """A mode without parameters."""


class ModeChoice(Part, frozen=True):
    """The mode of a service: exactly one member is set."""

    Replicated: ReplicatedMode | None = None
    Global: BareMode | None = None
    ReplicatedJob: ReplicatedJobMode | None = None
    GlobalJob: BareMode | None = None


class UpdateRules(Part, frozen=True):
    """How an update or rollback proceeds; ``Delay`` and ``Monitor`` in nanoseconds."""

    Parallelism: int = 0
    Delay: int = 0
    FailureAction: str = ""
    Monitor: int | None = None
    MaxFailureRatio: float = 0.0
    Order: str = ""


class EndpointWish(Part, frozen=True):
    """How a service is reached; ``Mode`` is ``vip`` or ``dnsrr``."""

    Mode: str = ""
    Ports: tuple[Port, ...] | None = None


class ServiceSpec(Part, frozen=True):
    """The spec of a service, in part; the whole is :attr:`Service.Spec`."""

    Name: str = ""
    Labels: dict[str, str] | None = None
    TaskTemplate: TemplatePart = TemplatePart()
    Mode: ModeChoice = ModeChoice()
    UpdateConfig: UpdateRules | None = None
    RollbackConfig: UpdateRules | None = None
    Networks: tuple[NetworkReference, ...] | None = None
    EndpointSpec: EndpointWish | None = None


class VirtualIP(Part, frozen=True):
    """The address of a service in one network."""

    NetworkID: str = ""
    Addr: str = ""


class EndpointState(Part, frozen=True):
    """How a service is reached now, with the ports that the Swarm chose."""

    Spec: EndpointWish | None = None
    Ports: tuple[Port, ...] | None = None
    VirtualIPs: tuple[VirtualIP, ...] | None = None


class UpdateState(Part, frozen=True):
    """How the last update of a service stands.

    ``State`` is ``updating``, ``paused``, ``completed``, ``rollback_started``, ``rollback_paused`` or
    ``rollback_completed``.
    """

    State: str = ""
    StartedAt: str | None = None
    CompletedAt: str | None = None
    Message: str = ""


class TaskCounts(Part, frozen=True, omit_defaults=False):
    """How many tasks of a service run, should run, and have completed."""

    RunningTasks: int = 0
    DesiredTasks: int = 0
    CompletedTasks: int = 0


class JobState(Part, frozen=True):
    """Which run of a job this is, and when it began."""

    JobIteration: ObjectVersion = ObjectVersion()
    LastExecution: str | None = None


class ContainerState(Part, frozen=True, omit_defaults=False):
    """The container of a task, and how it ended."""

    ContainerID: str = ""
    PID: int = 0
    ExitCode: int = 0


class GivenPorts(Part, frozen=True):
    """The ports that a task was given."""

    Ports: tuple[Port, ...] | None = None


class TaskStatus(Part, frozen=True):
    """How a task stands; ``Err`` is why it does not run."""

    Timestamp: str = ""
    State: str = ""
    Message: str = ""
    Err: str = ""
    ContainerStatus: ContainerState | None = None
    PortStatus: GivenPorts | None = None


class TaskContainer(Part, frozen=True):
    """The container of a task: only its image."""

    Image: str = ""


class TaskSpec(Part, frozen=True):
    """The spec of a task, in part."""

    ContainerSpec: TaskContainer = TaskContainer()
    Resources: TaskResources | None = None
    Placement: PlacementRules | None = None
    ForceUpdate: int = 0


class AttachedNetworkSpec(Part, frozen=True):
    """The name of a network that a task is attached to."""

    Name: str = ""


class AttachedNetwork(Part, frozen=True):
    """A network that a task is attached to."""

    ID: str = ""
    Spec: AttachedNetworkSpec = AttachedNetworkSpec()


class NetworkAttachment(Part, frozen=True):
    """The addresses of a task in a network."""

    Network: AttachedNetwork = AttachedNetwork()
    Addresses: tuple[str, ...] | None = None


class NodeSpec(Part, frozen=True):
    """What an operator decides about a node."""

    Name: str = ""
    Labels: dict[str, str] | None = None
    Role: str = ""
    Availability: str = ""


class EnginePlugin(Part, frozen=True):
    """A plugin of a node's Engine: ``Type`` is ``Volume``, ``Network`` or ``Log``."""

    Type: str = ""
    Name: str = ""


class EngineDescription(Part, frozen=True):
    """The Engine of a node."""

    EngineVersion: str = ""
    Labels: dict[str, str] | None = None
    Plugins: tuple[EnginePlugin, ...] | None = None


class NodeDescription(Part, frozen=True):
    """What a node is."""

    Hostname: str = ""
    Platform: PlatformName = PlatformName()
    Resources: ResourceAmount = ResourceAmount()
    Engine: EngineDescription = EngineDescription()


class NodeStatus(Part, frozen=True):
    """How a node stands: ``unknown``, ``down``, ``ready`` or ``disconnected``."""

    State: str = ""
    Message: str = ""
    Addr: str = ""


class ManagerState(Part, frozen=True):
    """How a manager stands among the managers."""

    Leader: bool = False
    Reachability: str = ""
    Addr: str = ""


class IPAMConfig(Part, frozen=True):
    """A range of addresses of a network."""

    Subnet: str = ""
    IPRange: str = ""
    Gateway: str = ""


class AddressRanges(Part, frozen=True):
    """How a network hands out addresses."""

    Driver: str = ""
    Options: dict[str, str] | None = None
    Config: tuple[IPAMConfig, ...] | None = None


class ConfigSpec(Part, frozen=True):
    """The spec of a config without its content."""

    Name: str = ""
    Labels: dict[str, str] | None = None
    Templating: DriverChoice | None = None


class SecretSpec(Part, frozen=True):
    """The spec of a secret; the Engine never gives its content back."""

    Name: str = ""
    Labels: dict[str, str] | None = None
    Driver: DriverChoice | None = None
    Templating: DriverChoice | None = None
