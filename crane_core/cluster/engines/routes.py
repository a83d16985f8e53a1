"""HTTP in and out of the ways to the nodes' Engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response

from crane_core.answers import words_of
from crane_core.cluster.engines.schemas import NodeEngineSchema
from crane_core.context import Crane, get_crane
from crane_core.engine.agent import describe_agent
from crane_core.engine.link import Link, Via
from crane_core.engine.pool import Pool
from crane_core.engine.snapshot import Source
from crane_core.http import Blueprint, Listing, ListQuery, answer_list, some_of
from crane_core.redaction import hide_inside
from crane_core.security import Target, guard

blueprint = Blueprint(
    "engines", __name__, url_prefix="/api/v1/engines", description="How the Engine of each node is reached."
)
Row = dict[str, Any]


class EngineQuery(ListQuery):
    """What the Engines can be filtered by."""

    via = some_of(Via, "What leads to them")
    state = some_of(words_of(Source, "state"), "Whether they answer")


class WallClock:
    """The room of one server that tells the time of day from the clock that ages are measured with."""

    def __init__(self, crane: Crane) -> None:
        # Once, so that the same moment is always told as the same.
        self._start = datetime.now(UTC) - timedelta(seconds=crane.cache.clock())

    def at(self, moment: float) -> datetime:
        """Return when the other clock told this."""
        return (self._start + timedelta(seconds=moment)).replace(microsecond=0)


def engine_listing(crane: Crane) -> Listing[Row]:
    """Return the list of the nodes' Engines."""
    crane.watcher.note_interest()
    agent = describe_agent(crane)
    tasks = {} if agent.state == "absent" else {each.node_id: each.state for each in agent.nodes}
    pool, clock = crane.room(Pool), crane.room(WallClock)
    links = pool.links()
    rows = [_row(link, tasks.get(link.node.id), clock) for link in links]
    labels = {link.node.id: link.node.labels for link in links}
    return Listing(
        version=repr(rows),
        rows=lambda: rows,
        action="engine:read",
        target=lambda row: Target("node", row["node"], row["node_id"], labels=labels[row["node_id"]]),
        fields={
            "name": lambda row: row["node"],
            "via": lambda row: row["via"] or "",
            "state": lambda row: row["state"],
        },
        sources=[*crane.cache.sources(), *pool.sources()],
    )


def _row(link: Link, task: str | None, clock: WallClock) -> Row:
    source, endpoint = link.source, link.endpoint
    gone = source.state == "stale" and source.read_at is not None
    return {
        "node": link.node.name,
        "node_id": link.node.id,
        "via": None if endpoint is None else endpoint.via,
        "address": None if endpoint is None else hide_inside(endpoint.url),
        "state": source.state,
        "answered_at": clock.at(source.read_at or 0) if gone else None,
        "error": hide_inside(link.error),
        "agent": task,
    }


@blueprint.route("")
@guard("engine:read")
@blueprint.arguments(EngineQuery, location="query")
@blueprint.response_list(NodeEngineSchema, description="The Engines, one for each node.")
def list_engines(query: dict[str, Any]) -> Response:
    """List how the Engine of each node is reached, and whether it answers."""
    crane = get_crane()
    return answer_list(crane, engine_listing(crane), query)
