"""HTTP in and out of stats of the past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, answer
from crane_core.security import demanded_target, guard
from crane_history.stats import operations
from crane_history.stats.operations import Kind
from crane_history.stats.schemas import StatsQuery, StatsSchema

blueprint = Blueprint(
    "stats-history", __name__, url_prefix="/api/v1/stats-history", description="What was used, read from Prometheus."
)
DESCRIPTION = "The figures, those of cAdvisor."


@blueprint.route("/services/<name>")
@guard("service:read", by="name")
@blueprint.arguments(StatsQuery, location="query")
@blueprint.response(200, StatsSchema, description=DESCRIPTION)
def show_service(query: dict[str, Any], name: str) -> Response:
    """Show what the tasks of a service used over time."""
    return _answer("service", query)


@blueprint.route("/stacks/<name>")
@guard("stack:read", by="name")
@blueprint.arguments(StatsQuery, location="query")
@blueprint.response(200, StatsSchema, description=DESCRIPTION)
def show_stack(query: dict[str, Any], name: str) -> Response:
    """Show what the tasks of a stack used over time."""
    return _answer("stack", query)


@blueprint.route("/nodes/<name>")
@guard("node:read", by="name")
@blueprint.arguments(StatsQuery, location="query")
@blueprint.response(200, StatsSchema, description=DESCRIPTION)
def show_node(query: dict[str, Any], name: str) -> Response:
    """Show what all tasks on a node used over time."""
    return _answer("node", query)


def _answer(kind: Kind, query: dict[str, Any]) -> Response:
    target = demanded_target()
    assert target is not None, "the guard has looked it up"
    span = operations.find_span(query.get("since"), query.get("until"), query.get("step"), datetime.now(UTC))
    key = target.id if kind == "node" else target.name
    return answer(operations.find_figures(get_crane(), kind, key, span, by_task=query["by"] == "task"))
