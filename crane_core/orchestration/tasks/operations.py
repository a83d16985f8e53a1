"""Tasks: what each is, and which attempts belong to one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Task
from crane_core.redaction import hide_inside

# The present attempt at one place, and the earlier ones, the newest first.
Place = tuple[Task, list[Task]]


def present_task(snapshot: Snapshot, task: Task) -> dict[str, Any]:
    """Return a task in Docker's shape, and what Crane knows of it beside that."""
    service = snapshot.services.get(task.ServiceID)
    node = snapshot.nodes.get(task.NodeID)
    place = task.Slot or (node.name if node else task.NodeID)
    error = hide_inside(task.error) if task.error else None
    shown = msgspec.to_builtins(task)
    if error:
        shown["Status"]["Err"] = error
    return {
        **shown,
        "name": f"{service.name if service else task.ServiceID}.{place}",
        "service": service.name if service else None,
        "stack": service.stack if service else None,
        "node": node.name if node else None,
        "image": task.image,
        "state": task.state,
        "desired_state": task.desired_state,
        "error": error,
        "exit_code": task.exit_code,
    }


def parts_of(snapshot: Snapshot, task: Task) -> tuple[object, ...]:
    """Return what the presentation of a task is made of."""
    service = snapshot.services.get(task.ServiceID)
    node = snapshot.nodes.get(task.NodeID)
    return (task, service and service.name, service and service.stack, node and node.name)


def by_place(tasks: Iterable[Task]) -> list[Place]:
    """Group the tasks of one service by slot or node: the present attempt, and the earlier ones, newest first."""
    places: dict[str, list[Task]] = {}
    for task in tasks:
        places.setdefault(task.place, []).append(task)
    grouped = []
    for attempts in places.values():
        attempts.sort(key=lambda task: task.currency, reverse=True)
        grouped.append((attempts[0], attempts[1:]))
    return sorted(grouped, key=lambda group: (group[0].Slot, group[0].NodeID))


def present_place(snapshot: Snapshot, current: Task, earlier: Sequence[Task]) -> dict[str, Any]:
    """Return the attempts at one place, as answered."""
    shown = present_task(snapshot, current)
    return {
        "slot": current.Slot or None,
        "node": shown["node"],
        "current": shown,
        "earlier": [present_task(snapshot, task) for task in earlier],
    }
