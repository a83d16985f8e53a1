"""HTTP in and out of networks."""

from __future__ import annotations

from typing import Any

from flask import Response

from crane_core.cluster.networks import operations
from crane_core.cluster.networks.graph import make_graph
from crane_core.cluster.networks.listing import connected_listing, member_listing, network_listing, present_network
from crane_core.cluster.networks.reading import Located, find_network, target_of
from crane_core.cluster.networks.schemas import (
    ConnectedSchema,
    ConnectionSchema,
    DisconnectionSchema,
    GraphSchema,
    MemberSchema,
    NetworkDetailSchema,
    NetworkQuery,
    NetworkSchema,
    NetworkWishSchema,
)
from crane_core.containers import Container, find_container
from crane_core.containers import target_of as target_of_container
from crane_core.context import Crane, get_crane
from crane_core.engine.chosen import find_named, name_nodes
from crane_core.engine.records import STACK_LABEL
from crane_core.http import Blueprint, ListQuery, answer, answer_list, answer_unless_known
from crane_core.openapi import LOCATION
from crane_core.security import Target, demand, demand_found, demanded_target, guard, identify

blueprint = Blueprint(
    "networks", __name__, url_prefix="/api/v1/networks", description="Networks of the Swarm and of its nodes."
)


def find_network_target(name: str) -> Target:
    """Find a network as the target of an action, by id, name or the beginning of its id; or node/name."""
    return target_of(find_network(get_crane(), name))


def _demanded(crane: Crane) -> Located:
    """Return the network that the guard decided on."""
    target = demanded_target()
    assert target is not None
    return find_network(crane, f"{target.node}/{target.id}" if target.node else target.id)


@blueprint.route("")
@guard("network:read")
@blueprint.arguments(NetworkQuery, location="query")
@blueprint.response_list(NetworkSchema, description="The networks.")
def list_networks(query: dict[str, Any]) -> Response:
    """List networks: those of the Swarm, and those of each node."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    query = name_nodes(snapshot, query)
    return answer_list(crane, network_listing(crane, find_named(snapshot, query)), query)


@blueprint.route("", methods=["POST"])
@guard("network:create")
@blueprint.arguments(NetworkWishSchema)
@blueprint.response(201, NetworkSchema, description="The network.", headers=LOCATION)
def create(wish: dict[str, Any]) -> Response:
    """Make a network: of the driver overlay for the whole Swarm, of any other on one node."""
    crane = get_crane()
    node = crane.cache.snapshot().get_node(wish["node"]).name if wish.get("node") else None
    stack = wish["labels"].get(STACK_LABEL) or None
    demand("network:create", Target("network", wish["name"], stack=stack, node=node))
    made = operations.create(crane, identify(), wish)
    headers = {"Location": f"/api/v1/networks/{made.id}"}
    return answer(present_network(crane.cache.snapshot(), made), 201, headers)


@blueprint.route("/graph")
@blueprint.doc(operationId="showNetworkGraph")
@guard("network:read")
@blueprint.response_unless_known(GraphSchema, description="The graph.")
def show_graph() -> Response:
    """Show which services are on which networks of the Swarm, as far as the caller may see them."""
    crane = get_crane()
    crane.watcher.note_interest()
    # How old it is is no news.
    sources = [{**source, "age": None} for source in crane.cache.sources()]
    return answer_unless_known({**make_graph(crane, identify()), "sources": sources})


@blueprint.route("/<path:name>")
@guard("network:read", by="name")
@blueprint.response(200, NetworkDetailSchema, description="The network.")
def show(name: str) -> Response:
    """Show a network."""
    crane = get_crane()
    crane.watcher.note_interest()
    shown = present_network(crane.cache.snapshot(), _demanded(crane))
    return answer({**shown, "sources": crane.cache.sources()})


@blueprint.route("/<path:name>/services")
@guard("network:read", by="name")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(MemberSchema, description="The services that are on it.")
def list_services(query: dict[str, Any], name: str) -> Response:
    """List the services on a network, with their addresses, names and tasks there."""
    crane = get_crane()
    return answer_list(crane, member_listing(crane, _demanded(crane).network), query)


@blueprint.route("/<path:name>/containers")
@guard("network:read", by="name")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(ConnectedSchema, description="The containers that are on it.")
def list_containers(query: dict[str, Any], name: str) -> Response:
    """List the containers on a network, as the Engines of the nodes tell of them."""
    crane = get_crane()
    return answer_list(crane, connected_listing(crane, _demanded(crane)), query)


@blueprint.route("/<path:name>", methods=["DELETE"])
@guard("network:remove", by="name")
@blueprint.response(204, description="It is gone.")
def remove(name: str) -> Response:
    """Remove a network that nothing uses."""
    crane = get_crane()
    operations.remove(crane, identify(), _demanded(crane))
    return Response(status=204)


@blueprint.route("/<path:name>/connect", methods=["POST"])
@guard("network:connect", by="name")
@blueprint.arguments(ConnectionSchema)
@blueprint.response(204, description="It is on the network.")
def connect(wish: dict[str, Any], name: str) -> Response:
    """Connect a container to a network; both must be the caller's to connect."""
    crane = get_crane()
    container = _find_connectable(crane, wish["container"])
    operations.connect(crane, identify(), _demanded(crane), container, wish)
    return Response(status=204)


@blueprint.route("/<path:name>/disconnect", methods=["POST"])
@guard("network:connect", by="name")
@blueprint.arguments(DisconnectionSchema)
@blueprint.response(204, description="It is on the network no more.")
def disconnect(wish: dict[str, Any], name: str) -> Response:
    """Take a container off a network; both must be the caller's to connect."""
    crane = get_crane()
    container = _find_connectable(crane, wish["container"])
    operations.disconnect(crane, identify(), _demanded(crane), container, force=wish["force"])
    return Response(status=204)


def _find_connectable(crane: Crane, name: str) -> Container:
    """Return a container that the caller may connect to networks."""
    target = demand_found("network:connect", lambda name: target_of_container(find_container(crane, name)), name)
    return find_container(crane, target.id)
