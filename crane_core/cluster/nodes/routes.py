"""HTTP in and out of nodes."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import msgspec
from flask import Response

from crane_core.cluster.nodes.schemas import NodeDetailSchema, NodeSchema
from crane_core.context import Crane, get_crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Node
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list
from crane_core.security import Target, guard

blueprint = Blueprint("nodes", __name__, url_prefix="/api/v1/nodes", description="The machines of the Swarm.")


class NodeQuery(ListQuery):
    """What nodes can be filtered by."""

    role = ma.fields.String(metadata={"description": "manager or worker."})
    availability = ma.fields.String(metadata={"description": "active, pause or drain."})
    state = ma.fields.String(metadata={"description": "ready, down, disconnected or unknown."})


def find_node(name: str) -> Target:
    """Find a node as the target of an action, by host name, id or the beginning of its id."""
    return _target(get_crane().cache.snapshot().get_node(name))


def _target(node: Node) -> Target:
    return Target("node", node.name, node.id, labels=node.labels)


def present_node(snapshot: Snapshot, node: Node) -> dict[str, Any]:
    """Return a node in Docker's shape, and what Crane knows of it beside that."""
    return {
        **msgspec.to_builtins(node),
        "name": node.name,
        "role": node.role,
        "availability": node.availability,
        "state": node.state,
        "leader": node.leader,
        "address": node.address,
        "engine_version": node.engine_version,
        "tasks_running": _count_running(snapshot, node),
    }


def _count_running(snapshot: Snapshot, node: Node) -> int:
    return sum(task.state == "running" for task in snapshot.tasks_on(node.id))


def node_listing(crane: Crane) -> Listing[Node]:
    """Return the list of nodes."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    return Listing(
        version=f"{snapshot.versions['nodes']}.{snapshot.versions['tasks']}",
        rows=snapshot.nodes.values,
        action="node:read",
        target=_target,
        fields={
            "name": lambda node: node.name,
            "role": lambda node: node.role,
            "availability": lambda node: node.availability,
            "state": lambda node: node.state,
        },
        present=lambda node: present_node(snapshot, node),
        sources=crane.cache.sources(),
        made_of=lambda node: (node, _count_running(snapshot, node)),
    )


@blueprint.route("")
@guard("node:read")
@blueprint.arguments(NodeQuery, location="query")
@blueprint.response_list(NodeSchema, description="The nodes.")
def list_nodes(query: dict[str, Any]) -> Response:
    """List nodes."""
    crane = get_crane()
    return answer_list(crane, node_listing(crane), query)


@blueprint.route("/<name>")
@guard("node:read", by="name")
@blueprint.response(200, NodeDetailSchema, description="The node.")
def show(name: str) -> Response:
    """Show a node."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    return answer({**present_node(snapshot, snapshot.get_node(name)), "sources": crane.cache.sources()})
