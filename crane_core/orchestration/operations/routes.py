"""HTTP in and out of operations."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.context import Crane, get_crane
from crane_core.engine.cache import Snapshot
from crane_core.http import Blueprint, Listing, ListQuery, WaitQuery, answer, answer_list, some_of, stream_lines
from crane_core.orchestration.changed import labels_of
from crane_core.orchestration.operations.model import Operation, Outcome, State
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.operations.schemas import OperationSchema
from crane_core.security import Target, guard

blueprint = Blueprint(
    "operations",
    __name__,
    url_prefix="/api/v1/operations",
    description="Changes, from their first step to the verdict.",
)


class OperationQuery(ListQuery):
    """What operations can be filtered by."""

    state = some_of(State, "How far they are")
    stack = ma.fields.String(metadata={"description": "The stack that is changed."})
    service = ma.fields.String(metadata={"description": "A service that is changed."})
    kind = ma.fields.String(metadata={"description": "As in stack.deploy."})
    target = ma.fields.String(metadata={"description": "The name of the stack or service that is changed."})
    outcome = some_of(Outcome, "The outcome of their verdict")


def find_operation(operation_id: str) -> Target:
    """Find an operation as the target of an action."""
    crane = get_crane()
    return _target(crane.cache.snapshot(), crane.room(Operations).get(operation_id))


def _target(snapshot: Snapshot, operation: Operation) -> Target:
    labels = labels_of(snapshot, operation.kind, operation.target)
    return Target("operation", operation.target, operation.id, operation.stack, labels)


def operation_listing(crane: Crane) -> Listing[Operation]:
    """Return the list of operations."""
    operations, snapshot = crane.room(Operations), crane.cache.snapshot()
    return Listing(
        version=str(operations.revision),
        rows=operations.all,
        action="operation:read",
        target=lambda operation: _target(snapshot, operation),
        fields={
            "name": lambda operation: operation.target,
            "created_at": lambda operation: operation.created_at,
            "state": lambda operation: operation.state,
            "stack": lambda operation: operation.stack,
            "service": lambda operation: [step.name for step in operation.steps if step.kind == "service"],
            "kind": lambda operation: operation.kind,
            "target": lambda operation: operation.target,
            "outcome": lambda operation: operation.verdict.outcome if operation.verdict else None,
        },
        present=Operation.to_json,
        sources=crane.cache.sources(),
    )


@blueprint.route("")
@guard("operation:read")
@blueprint.arguments(OperationQuery, location="query")
@blueprint.response_list(OperationSchema, description="The operations, the newest first.")
def list_operations(query: dict[str, Any]) -> Response:
    """List operations."""
    crane = get_crane()
    return answer_list(crane, operation_listing(crane), {**query, "sort": query["sort"] or "-created_at"})


@blueprint.route("/<operation_id>")
@guard("operation:read", by="operation_id")
@blueprint.arguments(WaitQuery, location="query")
@blueprint.response(200, OperationSchema, description="The operation.")
def show(query: dict[str, Any], operation_id: str) -> Response:
    """Show an operation, after waiting for its end if asked to."""
    crane = get_crane()
    if query["wait"]:
        crane.about_to_wait()
    return answer(crane.room(Operations).wait(operation_id, query["wait"]).to_json())


@blueprint.route("/<operation_id>/events")
@guard("operation:read", by="operation_id")
@blueprint.response_stream(OperationSchema, description="The operation, each time it changes.")
def events(operation_id: str) -> Response:
    """Follow an operation to its end, as server-sent events or as one JSON object a line."""
    operations = get_crane().room(Operations)
    return stream_lines(operations.follow(operation_id))
