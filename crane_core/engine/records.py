"""Typed, partial records of the Swarm's objects, under Docker's own JSON names.

A record holds the members that Crane reads; what it does not name is left out when a list is decoded, which is what
makes 10,000 tasks cheap. A service keeps its specs whole, as the bytes that the Engine sent. ``msgspec.json.encode``
gives Docker's names and shapes back; properties in snake_case say the same in fewer words. Records are frozen, and
maps and lists that the Engine may send as ``null`` are None here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Literal

import msgspec
from msgspec import Raw, Struct, field

from crane_core.engine.parts import (
    AddressRanges,
    ConfigSpec,
    EndpointState,
    JobState,
    ManagerState,
    NetworkAttachment,
    NodeDescription,
    NodeSpec,
    NodeStatus,
    ObjectVersion,
    Part,
    Port,
    SecretSpec,
    ServiceSpec,
    TaskCounts,
    TaskSpec,
    TaskStatus,
    UpdateState,
)

STACK_LABEL = "com.docker.stack.namespace"
# What the Swarm writes on the container of a task.
SERVICE_LABEL = "com.docker.swarm.service.id"
TASK_LABEL = "com.docker.swarm.task.id"

ServiceMode = Literal["replicated", "global", "replicated-job", "global-job"]

# The states of a task in the order in which it passes through them; see the Swarm's task state model.
TASK_STATES = (
    "new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running",
    "complete", "shutdown", "failed", "rejected", "remove", "orphaned",
)  # fmt: skip
ENDED_TASK_STATES = frozenset(TASK_STATES[TASK_STATES.index("complete") :])


def parse_time(text: str) -> datetime | None:
    """Read a time as the Engine writes it (RFC 3339, up to nanoseconds); None for Go's zero time or none at all."""
    if not text or text.startswith("0001-"):
        return None
    return msgspec.convert(text, datetime)


def time_key(text: str) -> str:
    """Return what times sort by: as text, 5.5 s comes after 5.57 s because of the letter at its end."""
    return text.rstrip("Z")


_spec_decoder = msgspec.json.Decoder(ServiceSpec)
_ABSENT = Raw(b"")


class Service(Struct, frozen=True, omit_defaults=True, dict=True):
    """A service; ``Spec`` and ``PreviousSpec`` are the bytes that the Engine sent."""

    ID: str
    Version: ObjectVersion
    CreatedAt: str
    UpdatedAt: str
    Spec: Raw
    # msgspec reads no ``Raw | None``: absent is empty here, and None by the property of Docker's name.
    previous: Raw = field(default=_ABSENT, name="PreviousSpec")
    Endpoint: EndpointState | None = None
    UpdateStatus: UpdateState | None = None
    ServiceStatus: TaskCounts | None = None
    JobStatus: JobState | None = None

    @property
    def PreviousSpec(self) -> Raw | None:  # noqa: N802 - Docker's own word
        """The bytes of the spec that a rollback returns to, None without one."""
        return None if bytes(self.previous) in (b"", b"null") else self.previous

    @cached_property
    def spec(self) -> ServiceSpec:
        """The typed part of the spec."""
        return _spec_decoder.decode(self.Spec)

    @cached_property
    def previous_spec(self) -> ServiceSpec | None:
        """The typed part of the spec that a rollback returns to."""
        return None if self.PreviousSpec is None else _spec_decoder.decode(self.PreviousSpec)

    @property
    def id(self) -> str:
        """The service's id."""
        return self.ID

    @property
    def name(self) -> str:
        """The service's name."""
        return self.spec.Name

    @property
    def version(self) -> int:
        """The version that an update must name."""
        return self.Version.Index

    # These two are read for each task of a list.
    @cached_property
    def labels(self) -> Mapping[str, str]:
        """The service's labels."""
        return self.spec.Labels or {}

    @cached_property
    def stack(self) -> str | None:
        """The stack that the service belongs to, None outside a stack."""
        return self.labels.get(STACK_LABEL) or None

    @property
    def image(self) -> str:
        """The image that its tasks run."""
        return self.spec.TaskTemplate.ContainerSpec.Image

    @property
    def mode(self) -> ServiceMode:
        """The service's mode, in the docker CLI's words."""
        mode = self.spec.Mode
        if mode.Global is not None:
            return "global"
        if mode.ReplicatedJob is not None:
            return "replicated-job"
        return "global-job" if mode.GlobalJob is not None else "replicated"

    @property
    def is_job(self) -> bool:
        """Whether its tasks are meant to end."""
        return self.mode in ("replicated-job", "global-job")

    @property
    def replicas(self) -> int | None:
        """How many tasks were asked for; None where the number of nodes decides."""
        mode = self.spec.Mode
        if mode.Replicated is not None:
            return 1 if mode.Replicated.Replicas is None else mode.Replicated.Replicas
        if mode.ReplicatedJob is not None:
            total = mode.ReplicatedJob.TotalCompletions
            return (mode.ReplicatedJob.MaxConcurrent or 1) if total is None else total
        return None

    @property
    def ports(self) -> tuple[Port, ...]:
        """The service's ports, with the published ports that the Swarm chose."""
        live = self.Endpoint.Ports if self.Endpoint is not None else None
        asked = self.spec.EndpointSpec.Ports if self.spec.EndpointSpec is not None else None
        return live or asked or ()

    @property
    def tasks_running(self) -> int:
        """How many tasks run; 0 where it was not asked."""
        return self.ServiceStatus.RunningTasks if self.ServiceStatus is not None else 0

    @property
    def tasks_desired(self) -> int:
        """How many tasks should run; 0 where it was not asked."""
        return self.ServiceStatus.DesiredTasks if self.ServiceStatus is not None else 0

    @property
    def tasks_completed(self) -> int:
        """How many tasks of a job have completed; 0 where it was not asked."""
        return self.ServiceStatus.CompletedTasks if self.ServiceStatus is not None else 0

    @property
    def update_state(self) -> str | None:
        """The state of the last update, None when there was none."""
        return self.UpdateStatus.State or None if self.UpdateStatus is not None else None

    @property
    def updating(self) -> bool:
        """Whether an update or rollback is on its way."""
        return self.update_state in ("updating", "rollback_started")

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to happen: what should run runs, or has completed, and no update is on."""
        if self.updating:
            return False
        if self.is_job:
            wanted = self.tasks_desired if self.replicas is None else self.replicas
            return self.tasks_completed >= wanted and not self.tasks_running
        return self.tasks_running == self.tasks_desired


class Task(Part, frozen=True):
    """A task: one attempt to run one slot of a service (or its place on one node)."""

    ID: str
    Version: ObjectVersion
    CreatedAt: str = ""
    UpdatedAt: str = ""
    Labels: dict[str, str] | None = None
    Spec: TaskSpec = TaskSpec()
    ServiceID: str = ""
    Slot: int = 0
    NodeID: str = ""
    Status: TaskStatus = TaskStatus()
    DesiredState: str = ""
    NetworksAttachments: tuple[NetworkAttachment, ...] | None = None
    JobIteration: ObjectVersion | None = None

    @property
    def id(self) -> str:
        """The task's id."""
        return self.ID

    @property
    def version(self) -> int:
        """The task's version."""
        return self.Version.Index

    @property
    def state(self) -> str:
        """The task's state, one of :data:`TASK_STATES`."""
        return self.Status.State

    @property
    def desired_state(self) -> str:
        """The state that the Swarm wants the task to be in."""
        return self.DesiredState

    @property
    def place(self) -> str:
        """Its slot, or the node that a global service put it on; attempts at the same place replace one another."""
        return str(self.Slot) if self.Slot else self.NodeID

    @property
    def currency(self) -> tuple[bool, bool, int, str]:
        """Orders attempts at one place: what is wanted and alive after what has ended, the newest last."""
        wanted = self.desired_state not in ENDED_TASK_STATES
        progress = TASK_STATES.index(self.state) if not self.ended and self.state in TASK_STATES else -1
        return (wanted, not self.ended, progress, self.CreatedAt)

    @property
    def image(self) -> str:
        """The image that it runs."""
        return self.Spec.ContainerSpec.Image

    @property
    def error(self) -> str | None:
        """Why it does not run, in the Engine's words."""
        return self.Status.Err or None

    @property
    def exit_code(self) -> int | None:
        """What its container ended with; None while there is none, or it runs."""
        status = self.Status.ContainerStatus
        if status is None or not status.ContainerID or self.state not in ENDED_TASK_STATES:
            return None
        return status.ExitCode

    @property
    def container_id(self) -> str | None:
        """The id of its container on its node."""
        return self.Status.ContainerStatus.ContainerID or None if self.Status.ContainerStatus is not None else None

    @property
    def ended(self) -> bool:
        """Whether it has run its course."""
        return self.state in ENDED_TASK_STATES


class Node(Struct, frozen=True, omit_defaults=True):
    """A node of the Swarm."""

    ID: str
    Version: ObjectVersion
    CreatedAt: str = ""
    UpdatedAt: str = ""
    Spec: NodeSpec = NodeSpec()
    Description: NodeDescription = NodeDescription()
    Status: NodeStatus = NodeStatus()
    ManagerStatus: ManagerState | None = None

    @property
    def id(self) -> str:
        """The node's id."""
        return self.ID

    @property
    def name(self) -> str:
        """The node's hostname; its id until it has told one."""
        return self.Description.Hostname or self.ID

    @property
    def version(self) -> int:
        """The version that an update must name."""
        return self.Version.Index

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that an operator gave it."""
        return self.Spec.Labels or {}

    @property
    def role(self) -> str:
        """``manager`` or ``worker``."""
        return self.Spec.Role

    @property
    def availability(self) -> str:
        """``active``, ``pause`` or ``drain``."""
        return self.Spec.Availability

    @property
    def state(self) -> str:
        """``ready``, ``down``, ``unknown`` or ``disconnected``."""
        return self.Status.State

    @property
    def leader(self) -> bool:
        """Whether it leads the managers."""
        return self.ManagerStatus is not None and self.ManagerStatus.Leader

    @property
    def address(self) -> str:
        """The address that the managers know it by."""
        return self.Status.Addr

    @property
    def engine_version(self) -> str:
        """The version of its Engine."""
        return self.Description.Engine.EngineVersion


class Network(Struct, frozen=True, omit_defaults=True):
    """A network; the only object whose id is called ``Id``, and the only one without a version."""

    Id: str
    Name: str = ""
    Created: str = ""
    Scope: str = ""
    Driver: str = ""
    EnableIPv6: bool = False
    IPAM: AddressRanges | None = None
    Internal: bool = False
    Attachable: bool = False
    Ingress: bool = False
    Options: dict[str, str] | None = None
    Labels: dict[str, str] | None = None

    @property
    def id(self) -> str:
        """The network's id."""
        return self.Id

    @property
    def name(self) -> str:
        """The network's name."""
        return self.Name

    @property
    def labels(self) -> Mapping[str, str]:
        """The network's labels."""
        return self.Labels or {}

    @property
    def stack(self) -> str | None:
        """The stack that the network belongs to, None outside a stack."""
        return self.labels.get(STACK_LABEL) or None


class _Data(Struct, frozen=True, omit_defaults=True):
    """What a config and a secret have in common: a name, labels, and a content that is kept elsewhere."""

    ID: str
    Version: ObjectVersion
    CreatedAt: str = ""
    UpdatedAt: str = ""
    Spec: ConfigSpec | SecretSpec = ConfigSpec()

    @property
    def id(self) -> str:
        """Its id."""
        return self.ID

    @property
    def name(self) -> str:
        """Its name."""
        return self.Spec.Name

    @property
    def version(self) -> int:
        """The version that an update must name."""
        return self.Version.Index

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.Spec.Labels or {}

    @property
    def stack(self) -> str | None:
        """The stack that it belongs to, None outside a stack."""
        return self.labels.get(STACK_LABEL) or None


class Config(_Data, frozen=True, omit_defaults=True):
    """A config. Its content is not kept, only ``digest``: ``sha256:`` and the hash of its bytes."""

    Spec: ConfigSpec = ConfigSpec()
    digest: str = ""


class Secret(_Data, frozen=True, omit_defaults=True):
    """A secret."""

    Spec: SecretSpec = SecretSpec()
