"""The topics of orchestration: lists and objects, sent as they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import Topic
from crane_core.engine.records import Service, Task
from crane_core.http import Listing
from crane_core.orchestration.errors import StackNotFound
from crane_core.orchestration.operations.authors import Authors
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.operations.routes import operation_listing
from crane_core.orchestration.services.routes import place_listing, service_listing
from crane_core.orchestration.stacks.operations import show_stack
from crane_core.orchestration.stacks.routes import find_stack, stack_listing
from crane_core.orchestration.tasks.routes import node_task_listing, task_listing

Parameters = Mapping[str, str]


def _services(crane: Crane, _: Parameters) -> Listing[Service]:
    # Taken before the list takes its own: an item is then at worst made once too often, never too seldom.
    before = crane.cache.snapshot()

    def made_of(service: Service) -> tuple[object, ...]:
        # Nodes tell why a service waits, tasks why it fails.
        return service, before.tasks.get(service.id), before.nodes

    return replace(service_listing(crane), made_of=made_of)


def _service(crane: Crane, parameters: Parameters) -> Listing[Service]:
    # Found after the version was read: what changes in between comes with the next version once more.
    def rows() -> list[Service]:
        found = crane.cache.snapshot().find_service(parameters["name"])
        return [found] if found else []

    return replace(_services(crane, parameters), rows=rows)


def _task(crane: Crane, parameters: Parameters) -> Listing[Task]:
    def rows() -> list[Task]:
        found = crane.cache.snapshot().find_task(parameters["id"])
        return [found] if found else []

    return replace(task_listing(crane, {}), rows=rows)


def _operations(crane: Crane, _: Parameters) -> Listing[Operation]:
    return replace(operation_listing(crane), made_of=lambda operation: (operation, operation.revision))


def _operation(crane: Crane, parameters: Parameters) -> Listing[Operation]:
    known = {operation.id: operation for operation in crane.room(Operations).all()}
    found = known.get(parameters["id"])
    return replace(_operations(crane, parameters), rows=lambda: [found] if found else [])


def _stack(crane: Crane, parameters: Parameters) -> Listing[Any]:
    snapshot = crane.cache.snapshot()
    authored, _ = crane.room(Authors).read()
    name = parameters["name"]

    def rows() -> list[dict[str, Any]]:
        try:
            shown = show_stack(crane, snapshot, name)
        except StackNotFound:
            return []
        # The age of what is known is no part of the stack.
        return [{member: value for member, value in shown.items() if member != "sources"}]

    return replace(
        stack_listing(crane),
        version=f"{snapshot.version}.{authored}",
        rows=rows,
        target=lambda row: find_stack(row["name"]),
    )


def _key(row: Any) -> str:
    return str(row.id)


TOPICS = (
    Topic(
        "stacks",
        "stack:read",
        "All stacks, as `GET /api/v1/stacks` lists them.",
        lambda crane, _: stack_listing(crane),
        lambda row: str(row["name"]),
    ),
    Topic(
        "stacks/{name}",
        "stack:read",
        "One stack, as `GET /api/v1/stacks/{name}` shows it; nothing while there is none.",
        _stack,
        lambda row: str(row["name"]),
    ),
    Topic("services", "service:read", "All services, as `GET /api/v1/services` lists them.", _services, _key),
    Topic("services/{name}", "service:read", "One service, as `GET /api/v1/services/{name}` shows it.", _service, _key),
    Topic(
        "services/{name}/tasks",
        "service:read",
        "The tasks of one service by slot or node, as `GET /api/v1/services/{name}/tasks` lists them.",
        lambda crane, parameters: place_listing(crane, parameters["name"]),
        lambda place: str(place[0].place),
    ),
    Topic(
        "stacks/{name}/tasks",
        "stack:read",
        "The tasks of one stack, as `GET /api/v1/stacks/{name}/tasks` lists them; nothing while there is none.",
        lambda crane, parameters: task_listing(crane, {}, parameters["name"]),
        _key,
    ),
    Topic(
        "nodes/{name}/tasks",
        "node:read",
        "The tasks on one node, as `GET /api/v1/nodes/{name}/tasks` lists them.",
        lambda crane, parameters: node_task_listing(crane, parameters["name"]),
        _key,
    ),
    Topic(
        "tasks",
        "task:read",
        "All tasks, as `GET /api/v1/tasks` lists them.",
        lambda crane, _: task_listing(crane, {}),
        _key,
    ),
    Topic("tasks/{id}", "task:read", "One task, as `GET /api/v1/tasks` lists it.", _task, _key),
    Topic("operations", "operation:read", "All operations, as `GET /api/v1/operations` lists them.", _operations, _key),
    Topic(
        "operations/{id}",
        "operation:read",
        "One operation, from its first step to its verdict, as `GET /api/v1/operations/{id}` shows it.",
        _operation,
        _key,
    ),
)
