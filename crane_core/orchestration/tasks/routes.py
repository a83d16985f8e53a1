"""HTTP in and out of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.context import Crane, get_crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.chosen import name_known, split
from crane_core.engine.records import ENDED_TASK_STATES, TASK_STATES, Task, parse_time
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, some_of
from crane_core.moments import Moment
from crane_core.orchestration.operations.judge import FAILED_STATES
from crane_core.orchestration.tasks.operations import parts_of, present_task
from crane_core.orchestration.tasks.schemas import TaskDetailSchema, TaskSchema
from crane_core.redaction import redact
from crane_core.security import Target, guard, may_miss

blueprint = Blueprint("tasks", __name__, url_prefix="/api/v1/tasks", description="Single runs of services.")
of_nodes = Blueprint("node_tasks", __name__, url_prefix="/api/v1/nodes", description="Tasks by the node they are on.")


class TaskQuery(ListQuery):
    """What tasks can be filtered by."""

    service = ma.fields.String(metadata={"description": "The name or id of their service."})
    stack = ma.fields.String(metadata={"description": "Their stack."})
    node = ma.fields.String(metadata={"description": "The host name or id of their node."})
    state = some_of(TASK_STATES, "Their state")
    desired_state = some_of(TASK_STATES, "The state that the Swarm wants them to be in")
    present_since = Moment("Only what is alive, and what failed since then")


def find_task(task_id: str) -> Target:
    """Find a task as the target of an action."""
    snapshot = get_crane().cache.snapshot()
    return _target(snapshot, snapshot.get_task(task_id))


def _target(snapshot: Snapshot, task: Task) -> Target:
    service = snapshot.services.get(task.ServiceID)
    return Target("task", task.id, task.id, service.stack if service else None, service.labels if service else {})


@blueprint.route("")
@guard("task:read")
@blueprint.arguments(TaskQuery, location="query")
@blueprint.response_list(TaskSchema, description="The tasks, those that have ended included.")
def list_tasks(query: dict[str, Any]) -> Response:
    """List tasks."""
    crane = get_crane()
    query = name_known(crane.cache.snapshot(), query, may_miss)
    return answer_list(crane, task_listing(crane, query), query)


def task_listing(crane: Crane, query: dict[str, Any], stack: str | None = None) -> Listing[Task]:
    """Return the list of tasks, of one stack or of all, as far as its filters need names resolved."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()

    def rows() -> list[Task]:
        tasks = _tasks_of(snapshot, query.get("service"), stack)
        since: datetime | None = query.get("present_since")
        return [task for task in tasks if since is None or _is_present(task, since)]

    def name(task: Task) -> str:
        service = snapshot.services.get(task.ServiceID)
        return f"{service.name if service else task.ServiceID}.{task.Slot:08d}" if task.Slot else task.NodeID

    def node(task: Task) -> str:
        found = snapshot.nodes.get(task.NodeID)
        return task.NodeID if found is None else found.name

    def stack_of(task: Task) -> str | None:
        service = snapshot.services.get(task.ServiceID)
        return service.stack if service else None

    versions = snapshot.versions
    return Listing(
        version=f"{versions['tasks']}.{versions['services']}.{versions['nodes']}",
        rows=rows,
        action="task:read",
        target=lambda task: _target(snapshot, task),
        fields={
            "name": name,
            "node": node,
            "stack": stack_of,
            "state": lambda task: task.state,
            "desired_state": lambda task: task.desired_state,
            "created_at": lambda task: task.CreatedAt,
            "updated_at": lambda task: task.UpdatedAt,
        },
        present=lambda task: present_task(snapshot, task),
        sources=crane.cache.sources(),
        made_of=lambda task: parts_of(snapshot, task),
    )


def node_task_listing(crane: Crane, name: str) -> Listing[Task]:
    """Return the list of the tasks on a node; an empty one while there is no such node."""

    def rows() -> Iterable[Task]:
        # Found after the version was read: what changes in between comes with the next version once more.
        snapshot = crane.cache.snapshot()
        node = snapshot.find_node(name)
        return snapshot.tasks_on(node.id) if node else ()

    return replace(task_listing(crane, {}), rows=rows)


def _tasks_of(snapshot: Snapshot, service: str | None, stack: str | None) -> Iterable[Task]:
    if service is not None:
        found = [each for name in split(service) if (each := snapshot.service_named(name))]
        return [task for each in found if stack in (None, each.stack) for task in snapshot.tasks_of(each.id)]
    if stack is not None:
        return [task for each in snapshot.services_of(stack) for task in snapshot.tasks_of(each.id)]
    return snapshot.all_tasks()


def _is_present(task: Task, since: datetime) -> bool:
    """Tell whether a task is alive, or failed after a moment."""
    if task.state not in ENDED_TASK_STATES:
        return True
    ended = parse_time(task.Status.Timestamp or task.UpdatedAt)
    return task.state in FAILED_STATES and ended is not None and ended >= since


@of_nodes.route("/<name>/tasks")
@guard("node:read", by="name")
@of_nodes.arguments(ListQuery, location="query")
@of_nodes.response_list(TaskSchema, description="The tasks, those that have ended included.")
def list_node_tasks(query: dict[str, Any], name: str) -> Response:
    """List the tasks on a node."""
    crane = get_crane()
    return answer_list(crane, node_task_listing(crane, name), query)


@blueprint.route("/<task_id>")
@guard("task:read", by="task_id")
@blueprint.response(
    200, TaskDetailSchema, description="All that the Engine knows of the task, secret-looking values hidden."
)
def show(task_id: str) -> Response:
    """Show a task as the Engine knows it now."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    task = snapshot.get_task(task_id)
    raw = redact(crane.engine.inspect("task", task.id))
    known = present_task(snapshot, task)
    told = {name: value for name, value in known.items() if name.islower()}
    return answer({**raw, **told, "sources": crane.cache.sources()})
