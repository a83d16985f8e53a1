"""HTTP in and out of containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.cluster.containers import operations
from crane_core.cluster.containers.pruning import PRUNING
from crane_core.cluster.containers.schemas import (
    STATES,
    ContainerDetailSchema,
    ContainerPortSchema,
    ContainerSchema,
    FileChangeSchema,
    KillSchema,
    ProcessesSchema,
    RemoveQuery,
    RenameSchema,
    StopSchema,
)
from crane_core.cluster.places import NodesQuery
from crane_core.cluster.pruning.routes import add_prune_routes
from crane_core.containers import Container, find_container, list_containers, target_of
from crane_core.context import Crane, get_crane
from crane_core.engine.chosen import find_named, name_known, name_nodes
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, some_of
from crane_core.openapi import described
from crane_core.security import Target, demanded_target, guard, identify, may_miss

blueprint = Blueprint(
    "containers", __name__, url_prefix="/api/v1/containers", description="What runs on the nodes, by task or by hand."
)


class ContainerQuery(ListQuery):
    """What containers can be filtered by."""

    node = ma.fields.String(metadata={"description": "The host name of their node."})
    service = ma.fields.String(metadata={"description": "The name of their service."})
    stack = ma.fields.String(metadata={"description": "Their stack."})
    state = some_of(STATES, "How they are")
    kind = ma.fields.String(
        metadata={"description": "task: those that the Swarm takes care of; other: all others."},
        validate=ma.validate.OneOf(["task", "other"]),
    )


def container_listing(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> Listing[Container]:
    """Return the list of the containers of all nodes.

    :param nodes: Those that are asked; all unless told otherwise.
    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    crane.watcher.note_interest()
    versions = crane.cache.snapshot().versions
    containers, stock = list_containers(crane, nodes, patience)
    return Listing(
        version=f"{stock.version}/{versions['tasks']}.{versions['services']}.{versions['nodes']}",
        rows=lambda: containers,
        action="container:read",
        target=target_of,
        fields={
            "name": lambda container: container.name,
            "node": lambda container: container.node.name,
            "service": lambda container: container.service.name if container.service else None,
            "stack": lambda container: container.stack,
            "state": lambda container: container.state,
            "image": lambda container: container.image,
            "kind": lambda container: "task" if container.of_swarm else "other",
            "created_at": lambda container: (container.item or {}).get("Created") or 0,
        },
        present=operations.present,
        sources=[*crane.cache.sources(), *stock.sources],
        made_of=lambda each: (
            repr(each.item),
            each.task,
            each.service and each.service.name,
            each.node.name,
            each.stack,
            each.fresh,
        ),
    )


@blueprint.route("")
@guard("container:read")
@blueprint.arguments(ContainerQuery, location="query")
@blueprint.response_list(ContainerSchema, description="The containers of all nodes, stopped ones included.")
def list_all(query: dict[str, Any]) -> Response:
    """List containers."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    query = name_nodes(snapshot, query)
    listing = container_listing(crane, find_named(snapshot, query))
    # Of a stack that was removed, or that another tool started, containers can be left.
    query = name_known(snapshot, query, may_miss, lambda name: any(each.stack == name for each in listing.rows()))
    return answer_list(crane, listing, query)


add_prune_routes(
    blueprint,
    PRUNING,
    NodesQuery,
    previews="Tell which stopped containers a prune would remove.",
    prunes="Remove the stopped containers that a preview named.",
)


@blueprint.route("/<path:name>")
@guard("container:read", by="name")
@blueprint.response(200, ContainerDetailSchema, description="The container, by id, name, or node/name.")
def show(name: str) -> Response:
    """Show a container as its node's Engine knows it now."""
    crane = get_crane()
    container = _decided(crane)
    shown = operations.inspect(crane, container)
    return answer({**shown, "sources": crane.room(Pool).sources([container.node])})


@blueprint.route("/<path:name>/top")
@blueprint.doc(operationId="showContainerProcesses")
@guard("container:read", by="name")
@blueprint.response(200, ProcessesSchema, description="Its processes.")
def top(name: str) -> Response:
    """Show what runs in a container."""
    crane = get_crane()
    return answer(operations.processes(crane, _decided(crane)))


@blueprint.route("/<path:name>/diff")
@blueprint.doc(operationId="listContainerChanges")
@guard("container:read", by="name")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(FileChangeSchema, description="What differs from its image.")
def diff(query: dict[str, Any], name: str) -> Response:
    """List what a container changed in its file system."""
    crane = get_crane()
    container = _decided(crane)
    return _answer_rows(crane, container, operations.changes(crane, container), query, "kind")


@blueprint.route("/<path:name>/ports")
@guard("container:read", by="name")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(ContainerPortSchema, description="Its ports.")
def ports(query: dict[str, Any], name: str) -> Response:
    """List the ports of a container."""
    crane = get_crane()
    container = _decided(crane)
    return _answer_rows(crane, container, operations.ports(crane, container), query, "port")


def _answer_rows(
    crane: Crane, container: Container, rows: list[dict[str, Any]], query: dict[str, Any], field: str
) -> Response:
    listing: Listing[dict[str, Any]] = Listing(
        version=repr(rows),
        rows=lambda: rows,
        action=None,
        target=lambda row: target_of(container),
        fields={"name": lambda row: row["name"], field: lambda row: row[field]},
        sources=crane.room(Pool).sources([container.node]),
    )
    return answer_list(crane, listing, query)


@dataclass(frozen=True)
class _Way:
    """A way to act on a container.

    :param says: What it does, in a sentence.
    :param sent: What may be sent with it.
    :param action: What is demanded; the verb itself unless given.
    """

    says: str
    sent: type[ma.Schema] | None = None
    action: str | None = None


_WAYS: Mapping[str, _Way] = {
    "start": _Way("Start a container."),
    "stop": _Way("Stop a container.", StopSchema),
    "restart": _Way("Stop a container and start it again.", StopSchema),
    "pause": _Way("Hold up everything that runs in a container."),
    "unpause": _Way("Let a container go on that was paused.", action="pause"),
    "kill": _Way("Send a signal to a container.", KillSchema),
    "rename": _Way("Give a container another name.", RenameSchema),
}
# What the Engine calls what is sent, where it has another word.
_ENGINE_WORDS = {"timeout": "t", "volumes": "v"}


def _add_way(verb: str, way: _Way) -> None:
    """Add the route of a way to act on a container."""

    def view(sent: Mapping[str, Any] = MappingProxyType({}), *, name: str) -> Response:
        return _act(verb, sent)

    view = blueprint.response(200, ContainerSchema, description="The container.")(described(way.says)(view))
    if way.sent is not None:
        view = blueprint.arguments(way.sent)(view)
    view = guard(f"container:{way.action or verb}", by="name")(view)
    blueprint.add_url_rule(f"/<path:name>/{verb}", verb, view, methods=["POST"])


for _verb, _way in _WAYS.items():
    _add_way(_verb, _way)


@blueprint.route("/<path:name>", methods=["DELETE"])
@guard("container:remove", by="name")
@blueprint.arguments(RemoveQuery, location="query")
@blueprint.response(200, ContainerSchema, description="The container as it was.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Remove a container."""
    return _act("remove", query)


def _act(verb: str, sent: Mapping[str, Any]) -> Response:
    crane = get_crane()
    params = {_ENGINE_WORDS.get(word, word): value for word, value in sent.items()}
    return answer(operations.act(crane, identify().name, _decided(crane), verb, params, sent.get("timeout")))


def _decided(crane: Crane) -> Container:
    """Return the very container that the guard decided on, whatever answers to its name by now."""
    target = demanded_target() or Target("container")
    return find_container(crane, f"{target.node}/{target.id}")
