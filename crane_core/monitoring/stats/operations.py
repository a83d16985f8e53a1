"""What services, stacks, nodes, tasks and containers use now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crane_core.context import Crane
from crane_core.engine.records import Node, Task
from crane_core.engine.snapshot import Snapshot
from crane_core.monitoring.stats.book import Book, ContainerTrack, Sample
from crane_core.monitoring.stats.moments import to_moment
from crane_core.monitoring.stats.rings import FIGURES
from crane_core.monitoring.stats.sampler import Sampler
from crane_core.security import Target

Kind = Literal["service", "stack", "node", "task", "container"]


@dataclass(frozen=True)
class Row:
    """What one thing uses now.

    :param sample: The last that was measured, None when nothing was; ``fresh`` is whether it still counts.
    :param containers: How many containers it is the sum of.
    :param missing: How many tasks run of which no recent sample is known; they are not in the sum.
    :param cpu_limit: Processors; None where there is no limit, as of ``memory_limit`` in bytes.
    """

    kind: Kind
    id: str
    name: str
    target: Target
    stack: str | None = None
    service: str | None = None
    node: str | None = None
    sample: Sample | None = None
    fresh: bool = False
    containers: int = 0
    missing: int = 0
    cpu_limit: float | None = None
    memory_limit: int | None = None

    def get(self, figure: str) -> float | None:
        """Return a figure, None where it is not known."""
        return None if self.sample is None else self.sample.get(figure)

    @property
    def cpu_percent(self) -> float | None:
        """How much of its limit it uses, or of its node."""
        return _percent(self.get("cpu"), self.cpu_limit)

    @property
    def memory_percent(self) -> float | None:
        """How much of its limit it uses, or of its node."""
        return _percent(self.get("memory"), self.memory_limit)


def _percent(used: float | None, limit: float | None) -> float | None:
    return None if used is None or not limit else 100 * used / limit


def present_row(crane: Crane, row: Row) -> dict[str, Any]:
    """Return what one thing uses as it is answered."""
    return {
        "id": row.id,
        "name": row.name,
        "stack": row.stack,
        "service": row.service,
        "node": row.node,
        **{figure: _round(row.get(figure)) for figure in FIGURES},
        "cpu_limit": row.cpu_limit,
        "cpu_percent": _round(row.cpu_percent),
        "memory_limit": row.memory_limit,
        "memory_percent": _round(row.memory_percent),
        "containers": row.containers,
        "missing": row.missing,
        "stale": row.sample is not None and not row.fresh,
        "sampled_at": None if row.sample is None else to_moment(crane, row.sample.at),
    }


def _round(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 4)


def find_rows(crane: Crane, kind: Kind) -> Mapping[str, Row]:
    """Return what everything of a kind uses now, by its id."""
    return crane.room(Rows).find(kind)


def find_row(crane: Crane, kind: Kind, name: str) -> Row | None:
    """Find what one thing uses now, by its id or name."""
    rows = find_rows(crane, kind)
    if kind == "node" and (node := crane.cache.snapshot().find_node(name)):
        return rows.get(node.id)
    return rows.get(name) or next((row for row in rows.values() if row.name == name), None)


def version_of(crane: Crane) -> str:
    """Return a text that differs whenever a row does."""
    versions = crane.cache.snapshot().versions
    revision = crane.room(Sampler).book.revision
    return f"{revision}.{versions['services']}.{versions['tasks']}.{versions['nodes']}"


class Rows:
    """The room of one server that keeps the rows of each kind until one of them changes: many may look at them."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._lock = threading.Lock()
        self._kept: dict[Kind, tuple[str, Mapping[str, Row]]] = {}

    def find(self, kind: Kind) -> Mapping[str, Row]:
        """Return the rows of a kind by their ids."""
        version = version_of(self._crane)
        with self._lock:
            known = self._kept.get(kind)
            if known is None or known[0] != version:
                rows = _FINDERS[kind](self._crane.cache.snapshot(), _Live(self._crane))
                known = self._kept[kind] = (version, {row.id: row for row in rows})
        return known[1]


class _Live:
    """The containers that run, by what they belong to."""

    def __init__(self, crane: Crane) -> None:
        self.book: Book = crane.room(Sampler).book
        self.tracks = self.book.live()
        self.fresh: dict[str, list[ContainerTrack]] = {}
        self.of_tasks: dict[str, ContainerTrack] = {}
        for track in self.tracks:
            if track.task_id:
                self.of_tasks[track.task_id] = track
            if self.book.fresh(track) is not None:
                for key in (track.node_id, track.service_id, f"stack {track.stack}"):
                    self.fresh.setdefault(key, []).append(track)

    def sum(self, kind: Literal["service", "stack", "node"], id_: str, key: str) -> dict[str, Any]:
        """Return the members of a row that is the sum of containers."""
        track, members = self.book.sum(kind, id_), self.fresh.get(key, [])
        return {
            "sample": track.sample if track else None,
            "fresh": track is not None and self.book.fresh(track) is not None,
            "containers": len(members),
        }

    def missing(self, tasks: Iterable[Task]) -> int:
        """Count the tasks that run and of which no recent sample is known."""
        tracks = (self.of_tasks.get(task.id) for task in tasks if task.state == "running")
        return sum(track is None or self.book.fresh(track) is None for track in tracks)


def _service_rows(snapshot: Snapshot, live: _Live) -> Iterator[Row]:
    for service in snapshot.services.values():
        found = live.sum("service", service.id, service.id)
        limits = service.spec.TaskTemplate.Resources and service.spec.TaskTemplate.Resources.Limits
        count = found["containers"]
        yield Row(
            "service",
            service.id,
            service.name,
            Target("service", service.name, service.id, service.stack, service.labels),
            service.stack,
            service.name,
            missing=live.missing(snapshot.tasks_of(service.id)),
            cpu_limit=count * limits.NanoCPUs / 1e9 if limits and limits.NanoCPUs and count else None,
            memory_limit=count * limits.MemoryBytes if limits and limits.MemoryBytes and count else None,
            **found,
        )


def _stack_rows(snapshot: Snapshot, live: _Live) -> Iterator[Row]:
    for stack in snapshot.stacks:
        tasks = [task for service in snapshot.services_of(stack) for task in snapshot.tasks_of(service.id)]
        found = live.sum("stack", stack, f"stack {stack}")
        target = Target("stack", stack, stack=stack)
        yield Row("stack", stack, stack, target, stack, missing=live.missing(tasks), **found)


def _node_rows(snapshot: Snapshot, live: _Live) -> Iterator[Row]:
    for node in snapshot.nodes.values():
        resources = node.Description.Resources
        yield Row(
            "node",
            node.id,
            node.name,
            Target("node", node.name, node.id, labels=node.labels),
            node=node.name,
            missing=live.missing(snapshot.tasks_on(node.id)),
            cpu_limit=resources.NanoCPUs / 1e9 or None,
            memory_limit=resources.MemoryBytes or None,
            **live.sum("node", node.id, node.id),
        )


def _task_rows(snapshot: Snapshot, live: _Live) -> Iterator[Row]:
    for task in snapshot.all_tasks():
        if task.state != "running":
            continue
        track = live.of_tasks.get(task.id)
        service = snapshot.services.get(task.ServiceID)
        limits = task.Spec.Resources and task.Spec.Resources.Limits
        stack, labels = (service.stack, service.labels) if service else (None, {})
        yield Row(
            "task",
            task.id,
            f"{service.name if service else task.ServiceID}.{task.place}",
            Target("task", task.id, task.id, stack, labels),
            stack,
            service.name if service else None,
            _node_name(snapshot, task.NodeID),
            cpu_limit=limits.NanoCPUs / 1e9 if limits and limits.NanoCPUs else None,
            memory_limit=limits.MemoryBytes if limits and limits.MemoryBytes else None,
            missing=live.missing([task]),
            **_of_container(live, track),
        )


def _container_rows(snapshot: Snapshot, live: _Live) -> Iterator[Row]:
    by_id = {task.id: task for task in snapshot.all_tasks() if task.id in live.of_tasks}
    for track in live.tracks:
        task, service = by_id.get(track.task_id), snapshot.services.get(track.service_id)
        node = snapshot.nodes.get(track.node_id)
        stack, labels = (service.stack, service.labels) if service else (track.stack, {})
        node_name = node.name if node else None
        yield Row(
            "container",
            track.id,
            track.name,
            Target("container", track.name, track.id, stack, labels, node=node_name),
            stack,
            service.name if service else None,
            node.name if node else track.node_id,
            cpu_limit=_cpu_limit(track, task),
            memory_limit=_memory_limit(track, node),
            missing=int(live.book.fresh(track) is None),
            **_of_container(live, track),
        )


def _of_container(live: _Live, track: ContainerTrack | None) -> dict[str, Any]:
    if track is None:
        return {}
    fresh = live.book.fresh(track) is not None
    return {"sample": track.sample, "fresh": fresh, "containers": int(fresh)}


def _cpu_limit(track: ContainerTrack, task: Task | None) -> float | None:
    if task is None:
        return track.cpu_limit
    limits = task.Spec.Resources and task.Spec.Resources.Limits
    return limits.NanoCPUs / 1e9 if limits and limits.NanoCPUs else None


def _memory_limit(track: ContainerTrack, node: Node | None) -> int | None:
    """Return the limit of a container; the Engine tells the memory of the whole node where there is none."""
    whole = node.Description.Resources.MemoryBytes if node else 0
    return track.memory_limit if track.memory_limit and (not whole or track.memory_limit < whole) else None


def _node_name(snapshot: Snapshot, node_id: str) -> str | None:
    node = snapshot.nodes.get(node_id)
    return node.name if node else node_id or None


_FINDERS: Mapping[Kind, Callable[[Snapshot, _Live], Iterator[Row]]] = {
    "service": _service_rows,
    "stack": _stack_rows,
    "node": _node_rows,
    "task": _task_rows,
    "container": _container_rows,
}
