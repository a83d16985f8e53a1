"""HTTP in and out of the history of tasks."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, answer, answer_page
from crane_core.security import decide, demand_found, guard, identify, may_everything
from crane_history.tasks import operations
from crane_history.tasks.operations import Known
from crane_history.tasks.schemas import TaskHistoryQuery, TaskHistorySchema, TaskWhySchema

blueprint = Blueprint(
    "task-history", __name__, url_prefix="/api/v1/task-history", description="Tasks, also those long gone."
)


@blueprint.route("")
@blueprint.doc(operationId="listTaskHistory")
@guard("task:read")
@blueprint.arguments(TaskHistoryQuery, location="query")
@blueprint.response_list(TaskHistorySchema, description="The tasks on record, the newest first.")
def list_tasks(query: dict[str, Any]) -> Response:
    """List tasks on record, also those that the Swarm has forgotten."""
    crane, identity = get_crane(), identify()

    def allows(known: Known) -> bool:
        return decide(crane, identity, "task:read", known.target).allows

    page, total = operations.find_page(query, None if may_everything(identity) else allows)
    return answer_page([operations.present(known) for known in page], total)


@blueprint.route("/<task>")
@guard("task:read")
@blueprint.response(200, TaskHistorySchema, description="The task as it was when it was last seen.")
def show(task: str) -> Response:
    """Show a task on record, by its id, the beginning of its id, or as service.slot the last one that died there."""
    return answer(operations.present(_find(task)))


@blueprint.route("/<task>/why")
@blueprint.doc(operationId="explainTaskHistory")
@guard("task:read")
@blueprint.response(200, TaskWhySchema, description="Why it died, and everything that tells.")
def why(task: str) -> Response:
    """Say why a task died: in words, with its states, its earlier attempts, and the last that it printed."""
    return answer(operations.explain(get_crane(), _find(task)))


def _find(key: str) -> Known:
    """Find a task that the caller may see; the right to see tasks at all was asked for before."""
    demand_found("task:read", key, lambda key: operations.get_task(key).target)
    return operations.get_task(key)
