"""What a change of a node's availability would do to its tasks, told beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crane_core.engine.placement import occupies
from crane_core.engine.records import Node, Service, Task
from crane_core.engine.scheduling import Scheduler, with_availability
from crane_core.engine.snapshot import Snapshot
from crane_core.security import Target

Outcome = Literal["moves", "pending", "stops", "ends", "stays"]
OUTCOMES: Mapping[Outcome, str] = {
    "moves": "Its replacement starts on another node.",
    "pending": "Its replacement waits, because no other node takes it.",
    "stops": "It stops and is not replaced: its service runs once on each node.",
    "ends": "It stops and is not replaced: its restart policy says so.",
    "stays": "It goes on as it is; a job's task does so until it ends.",
}


@dataclass(frozen=True)
class Note:
    """Something to know about a task that moves, with its code in kebab case."""

    code: Literal["local-volume", "bind-mount", "interrupted"]
    detail: str


@dataclass(frozen=True)
class Fate:
    """What would become of a task.

    :param service: None where it is gone.
    :param node: Where its replacement would start.
    :param why: Why it would wait.
    """

    task: Task
    service: Service | None
    outcome: Outcome
    node: Node | None = None
    why: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def target(self) -> Target:
        """The task as the target of an action."""
        service = self.service
        stack, labels = (service.stack, service.labels) if service is not None else (None, {})
        return Target("task", self.task.id, self.task.id, stack, labels)

    def to_json(self, node: Node) -> dict[str, Any]:
        """Return it as answers have it.

        :param node: The node that the task is on.
        """
        name = self.service.name if self.service is not None else self.task.ServiceID
        return {
            "id": self.task.id,
            "name": f"{name}.{self.task.Slot or node.name}",
            "service": self.service.name if self.service is not None else None,
            "stack": self.service.stack if self.service is not None else None,
            "outcome": self.outcome,
            "node": self.node.name if self.node is not None else None,
            "node_id": self.node.id if self.node is not None else None,
            "why": self.why or None,
            "notes": [{"code": note.code, "detail": note.detail} for note in self.notes],
        }


def plan_availability(snapshot: Snapshot, node: Node, availability: str) -> list[Fate]:
    """Tell what becomes of a node's tasks when it is drained, paused or made active.

    Only draining moves tasks: a node that is paused keeps its tasks and gets no new ones.
    """
    tasks = [task for task in snapshot.tasks_on(node.id) if occupies(task)]
    tasks.sort(key=lambda task: (_name(snapshot, task), task.Slot, task.id))
    if availability != "drain":
        return [Fate(task, snapshot.services.get(task.ServiceID), "stays") for task in tasks]
    scheduler = Scheduler(snapshot, {node.id: with_availability(node, "drain")}, leaving={task.id for task in tasks})
    by_service: dict[str, list[Task]] = {}
    for task in tasks:
        by_service.setdefault(task.ServiceID, []).append(task)
    return [
        fate
        for service_id, own in by_service.items()
        for fate in _plan_service(snapshot, node, scheduler, snapshot.services.get(service_id), own)
    ]


def count(fates: list[Fate]) -> dict[str, int]:
    """Count the tasks by what becomes of them."""
    counted = Counter(fate.outcome for fate in fates)
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def _name(snapshot: Snapshot, task: Task) -> str:
    service = snapshot.services.get(task.ServiceID)
    return service.name if service is not None else task.ServiceID


def _plan_service(
    snapshot: Snapshot, node: Node, scheduler: Scheduler, service: Service | None, tasks: list[Task]
) -> Iterator[Fate]:
    if service is None or service.is_job or service.mode == "global":
        outcome: Outcome = "ends" if service is None else "stays" if service.is_job else "stops"
        yield from (Fate(task, service, outcome) for task in tasks)
        return
    notes = tuple(_note(snapshot, node, service, tasks))
    moving = [task for task in tasks if _is_replaced(service, task)]
    placed = scheduler.place(service, len(moving))
    targets = iter(placed.nodes)
    for task in tasks:
        if task not in moving:
            yield Fate(task, service, "ends", notes=tuple(note for note in notes if note.code == "interrupted"))
        elif (target := next(targets, None)) is not None:
            yield Fate(task, service, "moves", target, notes=notes)
        else:
            yield Fate(task, service, "pending", why=placed.why, notes=notes)


def _is_replaced(service: Service, task: Task) -> bool:
    """Tell whether the Swarm makes a new task in place of one that it stops."""
    policy = service.spec.TaskTemplate.RestartPolicy
    condition = policy.Condition if policy is not None else ""
    return condition != "none" and not (condition == "on-failure" and task.state == "complete")


def _note(snapshot: Snapshot, node: Node, service: Service, tasks: list[Task]) -> Iterator[Note]:
    mounts = service.spec.TaskTemplate.ContainerSpec.Mounts or ()
    for mount in mounts:
        driver = mount.VolumeOptions.DriverConfig if mount.VolumeOptions is not None else None
        if mount.Type == "volume" and mount.Source and (driver is None or driver.Name in ("", "local")):
            detail = f"Its volume {mount.Source} stays on {node.name}: elsewhere it begins with an empty one."
            yield Note("local-volume", detail)
        elif mount.Type == "bind":
            yield Note("bind-mount", f"It mounts {mount.Source} of the node, which may be another on another node.")
    here = {task.id for task in tasks}
    elsewhere = any(
        task.state == "running" and task.desired_state == "running" and task.id not in here
        for task in snapshot.tasks_of(service.id)
    )
    if not elsewhere:
        detail = f"All tasks of {service.name} that run are on {node.name}: it is down until one runs elsewhere."
        yield Note("interrupted", detail)
