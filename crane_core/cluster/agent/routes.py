"""HTTP in and out of the agent."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_core.cluster.agent.operations import Agents
from crane_core.cluster.agent.schemas import AgentSchema
from crane_core.context import Crane, get_crane
from crane_core.engine.agent import SERVICE, AgentStatus
from crane_core.http import Blueprint, Listing, WaitQuery, answer
from crane_core.security import Target, guard, identify

blueprint = Blueprint(
    "agent", __name__, url_prefix="/api/v1/agent", description="What lets the server reach the Engine of each node."
)


def agent_listing(crane: Crane) -> Listing[AgentStatus]:
    """Return a list of the one agent, for who follows it."""
    crane.watcher.note_interest()
    status = crane.room(Agents).describe()
    return Listing(
        version=repr(status),
        rows=lambda: [status],
        action="agent:read",
        target=lambda _: Target("agent", SERVICE),
        fields={"name": lambda _: SERVICE},
        sources=crane.cache.sources(),
    )


@blueprint.route("")
@guard("agent:read")
@blueprint.response(200, AgentSchema, description="The agent.")
def show() -> Response:
    """Show the agent, and how it fares on each node."""
    crane = get_crane()
    crane.watcher.note_interest()
    crane.cache.snapshot().demand_read()
    return answer(crane.room(Agents).describe())


@blueprint.route("", methods=["POST"])
@guard("agent:create")
@blueprint.arguments(WaitQuery, location="query")
@blueprint.response(202, AgentSchema, description="The agent, which is being started on each node.")
@blueprint.alt_response(200, schema=AgentSchema, description="The agent, which came to rest while it was waited for.")
def install(query: dict[str, Any]) -> Response:
    """Install the agent, or bring it to what the settings say and to what its image's tag means by now."""
    agents = get_crane().room(Agents)
    return _answer(agents, agents.install(identify().name), query["wait"])


@blueprint.route("/rotate", methods=["POST"])
@guard("agent:rotate")
@blueprint.arguments(WaitQuery, location="query")
@blueprint.response(202, AgentSchema, description="The agent, which is being replaced on each node.")
@blueprint.alt_response(200, schema=AgentSchema, description="The agent, which came to rest while it was waited for.")
def rotate(query: dict[str, Any]) -> Response:
    """Replace the authority and all certificates of the agent, without an interruption."""
    agents = get_crane().room(Agents)
    return _answer(agents, agents.rotate(identify().name), query["wait"])


@blueprint.route("", methods=["DELETE"])
@guard("agent:remove")
@blueprint.response(204, description="It is gone, and so are its secrets, its configs and the keys to it.")
def remove() -> Response:
    """Remove the agent, and all that belongs to it."""
    get_crane().room(Agents).remove(identify().name)
    return Response(status=204)


def _answer(agents: Agents, status: AgentStatus, wait: float) -> Response:
    if wait:
        get_crane().about_to_wait()
        status = agents.wait(wait)
    return answer(status, 202 if status.state in ("rolling", "rotating") else 200)
