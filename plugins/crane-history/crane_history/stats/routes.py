"""HTTP in and out of stats of the past."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response

from crane_core.context import get_crane
from crane_core.http import Blueprint, answer
from crane_core.openapi import described
from crane_core.security import demanded_target, guard
from crane_history.stats import operations
from crane_history.stats.operations import Kind
from crane_history.stats.schemas import MemorySchema, StatsQuery, StatsSchema

blueprint = Blueprint(
    "stats-history", __name__, url_prefix="/api/v1/stats-history", description="What was used, read from Prometheus."
)


@blueprint.route("")
@guard("service:read")
@blueprint.response(200, MemorySchema, description="Whether there is a Prometheus to ask.")
def show_memory() -> Response:
    """Tell whether what was used is remembered at all; it is not asked whether Prometheus answers."""
    return answer({"remembered": bool(get_crane().settings["history.prometheus_url"])})


_KINDS: Mapping[Kind, str] = {
    "service": "Show what the tasks of a service used over time.",
    "stack": "Show what the tasks of a stack used over time.",
    "node": "Show what all tasks on a node used over time.",
}


def _add_route(kind: Kind, says: str) -> None:
    """Add the route of what one of a kind used."""

    @blueprint.route(f"/{kind}s/<name>", endpoint=f"show_{kind}")
    @blueprint.doc(operationId=f"show{kind.title()}StatsHistory")
    @guard(f"{kind}:read", by="name")
    @blueprint.arguments(StatsQuery, location="query")
    @blueprint.response(200, StatsSchema, description="The figures, those of cAdvisor.")
    @described(says)
    def show(query: dict[str, Any], name: str) -> Response:
        return _answer(kind, query)


for _kind, _says in _KINDS.items():
    _add_route(_kind, _says)


def _answer(kind: Kind, query: dict[str, Any]) -> Response:
    target = demanded_target()
    assert target is not None, "the guard has looked it up"
    span = operations.find_span(query.get("since"), query.get("until"), query.get("step"), datetime.now(UTC))
    key = target.id if kind == "node" else target.name
    return answer(operations.find_figures(get_crane(), kind, key, span, by_task=query["by"] == "task"))
