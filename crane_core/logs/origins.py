"""Origins: the containers whose output makes up the log of a stack, service, task or container."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from crane_core.containers import Container, find_container
from crane_core.context import Crane
from crane_core.engine.records import ENDED_TASK_STATES, Task
from crane_core.engine.snapshot import SHORTEST_BEGINNING, Snapshot
from crane_core.errors import NotFound

Kind = Literal["stack", "service", "task", "container"]
# How much of an id tells containers and tasks apart.
_SHORT = 12


@dataclass(frozen=True)
class Subject:
    """Whose log it is.

    :param key: The name of a stack; the id of a service, task or container.
    """

    kind: Kind
    key: str


@dataclass(frozen=True, eq=False)
class Origin:
    """One container, or a task that has none yet.

    :param key: What it is known by in one log; another container is another origin.
    :param name: What people call it, as in ``shop_web.1``.
    :param task: The id of its task; empty for a container of no task.
    :param state: The state of its task; empty for a container of no task.
    """

    key: str
    name: str
    container: str = ""
    node_id: str = ""
    node: str = ""
    task: str = ""
    service: str = ""
    service_id: str = ""
    stack: str | None = None
    state: str = ""
    error: str = ""
    exit_code: int | None = None

    @property
    def ended(self) -> bool:
        """Whether its task has run its course."""
        return self.state in ENDED_TASK_STATES

    def answers_to(self, wanted: str) -> bool:
        """Tell whether somebody means it who writes this: its name, its slot, or its task's id or the beginning of it.

        A number is a slot, and never the beginning of an id.
        """
        begun = len(wanted) >= SHORTEST_BEGINNING and not wanted.isdecimal()
        return (
            self.name in (wanted, f"{self.service}.{wanted}")
            or (begun and self.task.startswith(wanted))
            or (begun and wanted.startswith(f"{self.name}.") and f"{self.name}.{self.task}".startswith(wanted))
        )


def find_origins(crane: Crane, subject: Subject) -> list[Origin]:
    """Find the origins of a log as they are now, those that have ended included.

    :raises NotFound: when a container is gone for which no task speaks.
    """
    snapshot = crane.cache.snapshot()
    if subject.kind == "container":
        return [_of_container(snapshot, find_container(crane, subject.key))]
    return [_of_task(snapshot, task) for task in _tasks_of(snapshot, subject)]


def _tasks_of(snapshot: Snapshot, subject: Subject) -> Iterable[Task]:
    if subject.kind == "stack":
        return [task for service in snapshot.services_of(subject.key) for task in snapshot.tasks_of(service.id)]
    if subject.kind == "service":
        return snapshot.tasks_of(subject.key)
    task = snapshot.find_task(subject.key)
    return [task] if task else ()


def _of_task(snapshot: Snapshot, task: Task) -> Origin:
    service = snapshot.services.get(task.ServiceID)
    node = snapshot.nodes.get(task.NodeID)
    container = task.container_id or ""
    place = task.Slot or (node.name if node else task.NodeID)
    return Origin(
        # Not its container's, which it has only later, and one at the most.
        key=task.id[:_SHORT],
        name=f"{service.name if service else task.ServiceID}.{place}",
        container=container,
        node_id=task.NodeID,
        node=node.name if node else task.NodeID,
        task=task.id,
        service=service.name if service else "",
        service_id=task.ServiceID,
        stack=service.stack if service else None,
        state=task.state,
        error=task.error or "",
        exit_code=task.exit_code,
    )


def _of_container(snapshot: Snapshot, container: Container) -> Origin:
    if container.task is not None:
        return _of_task(snapshot, container.task)
    service = container.service
    return Origin(
        key=container.id[:_SHORT],
        name=container.name,
        container=container.id,
        node_id=container.node.id,
        node=container.node.name,
        service=service.name if service else "",
        service_id=service.id if service else "",
        stack=container.stack,
    )


def find_subject(crane: Crane, kind: Kind, name: str) -> Subject:
    """Find whose log it is that somebody names.

    :raises NotFound: when there is no such thing.
    """
    snapshot = crane.cache.snapshot()
    if kind == "stack":
        if not snapshot.services_of(name):
            snapshot.demand_read()
            raise NotFound(f"There is no stack {name}.")
        return Subject(kind, name)
    if kind == "service":
        return Subject(kind, snapshot.get_service(name).id)
    if kind == "task":
        return Subject(kind, snapshot.get_task(name).id)
    return Subject(kind, find_container(crane, name).id)


def refresh_origin(crane: Crane, origin: Origin) -> Origin:
    """Return an origin as it is now, as far as its task tells."""
    snapshot = crane.cache.snapshot()
    task = snapshot.find_task(origin.task) if origin.task else None
    return _of_task(snapshot, task) if task else origin
