"""Who may read which log."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask

from crane_core.context import Crane, get_crane
from crane_core.logs.reading import Hide
from crane_core.security import Identity, Target, decider, may_everything


def find_service(name: str) -> Target:
    """Find a service as the target of an action."""
    service = get_crane().cache.snapshot().get_service(name)
    return Target("service", service.name, service.id, service.stack, service.labels)


def find_stack(name: str) -> Target:
    """Return a stack as the target of an action."""
    return Target("stack", name, stack=name)


def find_task(task_id: str) -> Target:
    """Find a task as the target of an action."""
    snapshot = get_crane().cache.snapshot()
    task = snapshot.get_task(task_id)
    service = snapshot.services.get(task.ServiceID)
    return Target("task", task.id, task.id, service.stack if service else None, service.labels if service else {})


def hide_from(crane: Crane, identity: Identity, app: Flask) -> Hide:
    """Return what finds the services whose logs somebody may not read: on their stack they may have been refused some.

    :param app: Plugins that decide need it, on whatever thread they are asked.
    """

    def hide(service_ids: Iterable[str]) -> frozenset[str]:
        if may_everything(identity):
            return frozenset()
        services = crane.cache.snapshot().services
        with app.app_context():
            decide_on = decider(crane, identity, "service:read-logs")
            return frozenset(
                id_
                for id_ in service_ids
                if (service := services.get(id_)) is None
                or not decide_on(Target("service", service.name, id_, service.stack, service.labels)).allows
            )

    return hide
