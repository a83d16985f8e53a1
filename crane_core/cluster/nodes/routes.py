"""HTTP in and out of nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Response, request

from crane_core.cluster.nodes import draining, joining
from crane_core.cluster.nodes.operations import Wish, change_node, parts_of, present_node, remove_node
from crane_core.cluster.nodes.schemas import (
    AVAILABILITIES,
    ROLES,
    STATES,
    DrainPlanSchema,
    JoinSchema,
    NodeChangeSchema,
    NodeDetailSchema,
    NodeSchema,
)
from crane_core.context import Crane, get_crane
from crane_core.engine.records import Node
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, some_of
from crane_core.openapi import ETAG, IF_MATCH, LOCATION
from crane_core.security import Target, demand, guard, identify, in_general, permitted

blueprint = Blueprint("nodes", __name__, url_prefix="/api/v1/nodes", description="The machines of the Swarm.")

# Labels by which the server finds a node's own Engine, and connects to it.
ENDPOINT_LABELS = "crane.reserved.node."


class NodeQuery(ListQuery):
    """What nodes can be filtered by."""

    role = some_of(ROLES, "What they are")
    availability = some_of(AVAILABILITIES, "Whether they take tasks")
    state = some_of(STATES, "How they are")


class RemoveQuery(ma.Schema):
    """How a node is removed."""

    class Meta:
        unknown = ma.RAISE

    force = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Remove it though it is up; it does not know then that it has left."},
    )


class PlanQuery(ma.Schema):
    """What a node would become."""

    class Meta:
        unknown = ma.RAISE

    availability = ma.fields.String(
        load_default="drain",
        validate=ma.validate.OneOf(AVAILABILITIES),
        metadata={"description": "drain, pause or active."},
    )


def find_node(name: str) -> Target:
    """Find a node as the target of an action, by host name, id or the beginning of its id."""
    return _target(get_crane().cache.snapshot().get_node(name))


def _target(node: Node) -> Target:
    return Target("node", node.name, node.id, labels=node.labels)


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
        made_of=lambda node: parts_of(snapshot, node),
    )


@blueprint.route("")
@guard("node:read")
@blueprint.arguments(NodeQuery, location="query")
@blueprint.response_list(NodeSchema, description="The nodes.")
def list_nodes(query: dict[str, Any]) -> Response:
    """List nodes."""
    crane = get_crane()
    return answer_list(crane, node_listing(crane), query)


@blueprint.route("", methods=["POST"])
@guard("node:create")
@blueprint.arguments(JoinSchema)
@blueprint.response(201, NodeDetailSchema, description="The node, once the managers find it ready.", headers=LOCATION)
def join(sent: dict[str, Any]) -> Response:
    """Make an Engine a node of the Swarm, by its endpoint.

    It takes until the managers find the node ready. When a step fails the Engine leaves the Swarm again, and nothing of
    it is kept.
    """
    crane = get_crane()
    addresses = {
        "AdvertiseAddr": sent["advertise_address"],
        "ListenAddr": sent["listen_address"],
        "DataPathAddr": sent["data_path_address"],
    }
    newcomer = joining.Newcomer(
        sent["url"],
        sent["role"],
        joining.TlsTexts(**sent["tls"]) if "tls" in sent else None,
        {name: value for name, value in addresses.items() if value},
        sent.get("labels", {}),
        sent["availability"],
    )
    crane.about_to_wait()
    node = joining.join(crane, identify().name, newcomer)
    return _answer_node(crane, node, 201, {"Location": f"/api/v1/nodes/{node.id}"})


@blueprint.route("/<name>")
@guard("node:read", by="name")
@blueprint.response(200, NodeDetailSchema, description="The node; the ETag is its version.", headers=ETAG)
def show(name: str) -> Response:
    """Show a node."""
    crane = get_crane()
    return _answer_node(crane, crane.cache.snapshot().get_node(name))


@blueprint.route("/<name>", methods=["PATCH"])
@guard("node:update", by="name")
@blueprint.arguments(NodeChangeSchema)
@blueprint.response(200, NodeDetailSchema, description="The node as it is then.", headers=ETAG)
@blueprint.request_header(IF_MATCH)
def patch(wanted: dict[str, Any], name: str) -> Response:
    """Change a node's labels, role or availability; what is not named stays as it is.

    To change the labels by which its Engine is reached (``crane.reserved.node.``) demands ``node:create``.
    """
    crane = get_crane()
    if any(label.startswith(ENDPOINT_LABELS) for label in wanted.get("labels", ())):
        demand("node:create", in_general("node:create"))
    node = crane.cache.snapshot().get_node(name)
    wish = Wish(wanted.get("labels"), wanted.get("role"), wanted.get("availability"))
    return _answer_node(crane, change_node(crane, identify().name, node.id, wish, matcher()))


@blueprint.route("/<name>", methods=["DELETE"])
@guard("node:remove", by="name")
@blueprint.arguments(RemoveQuery, location="query")
@blueprint.response(204, description="It is no node of the Swarm any more.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Remove a node that is down from the Swarm."""
    crane = get_crane()
    node = crane.cache.snapshot().get_node(name)
    remove_node(crane, identify().name, node.id, query["force"])
    return Response(status=204)


@blueprint.route("/<name>/drain-plan")
@guard("node:read", by="name")
@blueprint.arguments(PlanQuery, location="query")
@blueprint.response(200, DrainPlanSchema, description="Where each task would go, or why it would wait.")
def plan(query: dict[str, Any], name: str) -> Response:
    """Tell what draining or pausing a node would do to its tasks; nothing is changed.

    Where the scheduler chooses at random among nodes that suit it equally, the plan names one of them.
    """
    crane = get_crane()
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    node = snapshot.get_node(name)
    fates = draining.plan_availability(snapshot, node, query["availability"])
    visible = list(permitted("task:read", fates, lambda fate: fate.target))
    return answer(
        {
            "node": node.name,
            "availability": query["availability"],
            "tasks": [fate.to_json(node) for fate in visible],
            "counts": draining.count(fates),
            "hidden": len(fates) - len(visible),
            "sources": crane.cache.sources(),
        }
    )


def matcher() -> Callable[[int], bool] | None:
    """Return what tells whether a version is one that the caller names in ``If-Match``; None where any will do."""
    wanted = request.if_match
    return (lambda version: str(version) in wanted) if wanted else None


def _answer_node(crane: Crane, node: Node, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    shown = {**present_node(crane.cache.snapshot(), node), "sources": crane.cache.sources()}
    return answer(shown, status, {"ETag": f'"{node.version}"', **(headers or {})})
