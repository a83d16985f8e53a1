"""HTTP in and out of volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.cluster.places import NodesQuery
from crane_core.cluster.pruning.routes import add_prune_routes
from crane_core.cluster.volumes import operations
from crane_core.cluster.volumes.operations import Volume, find_volume, list_volumes, target_of
from crane_core.cluster.volumes.pruning import PRUNING
from crane_core.cluster.volumes.schemas import NewVolumeSchema, VolumeDetailSchema, VolumeSchema
from crane_core.containers import list_containers
from crane_core.containers import target_of as target_of_container
from crane_core.context import Crane, get_crane
from crane_core.engine.chosen import find_named, name_nodes
from crane_core.engine.disk import DiskUsage
from crane_core.engine.policy import check_volume
from crane_core.engine.pool import Pool
from crane_core.engine.records import STACK_LABEL, Node
from crane_core.errors import Invalid
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list
from crane_core.openapi import LOCATION
from crane_core.rules import broken
from crane_core.security import Target, demand, demanded_target, guard, identify, may

blueprint = Blueprint(
    "volumes", __name__, url_prefix="/api/v1/volumes", description="Data that stays on a node when containers go."
)


class VolumeQuery(ListQuery):
    """What volumes can be filtered by, and whether sizes are wanted."""

    node = ma.fields.String(metadata={"description": "The host name of their node."})
    stack = ma.fields.String(metadata={"description": "Their stack."})
    driver = ma.fields.String(metadata={"description": "Their driver."})
    in_use = ma.fields.Boolean(metadata={"description": "Whether a container or a service needs them."})
    sizes = ma.fields.Boolean(
        load_default=False, metadata={"description": "Ask the nodes for sizes, which takes them a while."}
    )


class RemoveVolumeQuery(ma.Schema):
    """How a volume is removed."""

    class Meta:
        unknown = ma.RAISE

    force = ma.fields.Boolean(
        load_default=False, metadata={"description": "Also where its driver does not answer any more."}
    )


class PruneVolumesQuery(NodesQuery):
    """Which volumes may go."""

    all = ma.fields.Boolean(
        load_default=False, metadata={"description": "Also those that somebody gave a name; they may hold data."}
    )


def find_volume_target(key: str) -> Target:
    """Find a volume as the target of an action."""
    return target_of(find_volume(get_crane(), key))


def volume_listing(crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None) -> Listing[Volume]:
    """Return the list of the volumes of all nodes.

    :param nodes: Those that are asked; all unless told otherwise.
    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    crane.watcher.note_interest()
    volumes, stock, version = list_volumes(crane, nodes, patience)
    sizes = {volume.key: operations.size_of(crane, volume) for volume in volumes}
    return Listing(
        version=f"{version}/{crane.cache.snapshot().versions['nodes']}/{hash(tuple(sizes.items()))}",
        rows=lambda: volumes,
        action="volume:read",
        target=target_of,
        fields={
            "name": lambda volume: volume.name,
            "node": lambda volume: volume.node.name,
            "stack": lambda volume: volume.stack,
            "driver": lambda volume: volume.item.get("Driver"),
            "in_use": lambda volume: volume.in_use,
            "created_at": lambda volume: volume.item.get("CreatedAt") or "",
            "size": lambda volume: sizes[volume.key],
        },
        present=lambda volume: operations.present(crane, volume),
        sources=[*crane.cache.sources(), *stock.sources],
        made_of=lambda volume: (
            repr(volume.item),
            volume.node.name,
            len(volume.containers),
            len(volume.services),
            sizes[volume.key],
        ),
    )


@blueprint.route("")
@guard("volume:read")
@blueprint.arguments(VolumeQuery, location="query")
@blueprint.response_list(VolumeSchema, description="The volumes of all nodes.")
def list_all(query: dict[str, Any]) -> Response:
    """List the volumes of all nodes."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    query = name_nodes(snapshot, query)
    nodes = find_named(snapshot, query)
    if query["sizes"]:
        crane.room(DiskUsage).read(snapshot.nodes.values() if nodes is None else nodes)
    return answer_list(crane, volume_listing(crane, nodes), query)


@blueprint.route("", methods=["POST"])
@guard("volume:create")
@blueprint.arguments(NewVolumeSchema)
@blueprint.response(201, VolumeSchema, description="The volume.", headers=LOCATION)
def create(sent: dict[str, Any]) -> Response:
    """Make a volume on a node."""
    crane, identity = get_crane(), identify()
    node = crane.cache.snapshot().get_node(sent["node"])
    stack = sent["labels"].get(STACK_LABEL) or None
    target = Target("volume", sent["name"], stack=stack, node=node.name)
    demand("volume:create", target)
    body = {
        "Name": sent["name"],
        "Driver": sent["driver"],
        "DriverOpts": sent["options"],
        "Labels": sent["labels"],
    }
    if violations := broken(crane, identity, lambda: target, lambda rules: check_volume(body, rules)):
        raise Invalid("This volume may not be made here.", violations=violations)
    volume = operations.create(crane, identity.name, node, body)
    shown = operations.present(crane, volume)
    return answer(shown, 201, {"Location": f"/api/v1/volumes/{node.name}/{volume.name}"})


add_prune_routes(
    blueprint,
    PRUNING,
    PruneVolumesQuery,
    previews="Tell which volumes a prune would remove; what a container or a service needs is kept.",
    prunes="Remove the volumes that a preview named, and what is in them.",
)


@blueprint.route("/<path:name>")
@guard("volume:read", by="name")
@blueprint.response(200, VolumeDetailSchema, description="The volume, by node/name, or by a name that only one has.")
def show(name: str) -> Response:
    """Show a volume, how big it is, and who uses it."""
    crane = get_crane()
    volume = _decided(crane)
    crane.room(DiskUsage).read([volume.node])
    containers, _ = list_containers(crane, [volume.node], patience=0)
    services = [each for each in crane.cache.snapshot().services.values() if each.id in volume.services]
    return answer(
        {
            **operations.present(crane, volume),
            "used_by_containers": [
                {"id": each.id, "name": each.name}
                for each in containers
                if each.id in volume.containers and may("container:read", target_of_container(each))
            ],
            "used_by_services": [
                {"id": each.id, "name": each.name}
                for each in services
                if may("service:read", Target("service", each.name, each.id, each.stack, each.labels))
            ],
            "sources": crane.room(Pool).sources([volume.node]),
        }
    )


@blueprint.route("/<path:name>", methods=["DELETE"])
@guard("volume:remove", by="name")
@blueprint.arguments(RemoveVolumeQuery, location="query")
@blueprint.response(204, description="It is gone, and what was in it.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Remove a volume and what is in it."""
    crane = get_crane()
    operations.remove(crane, identify().name, _decided(crane), query["force"])
    return Response(status=204)


def _decided(crane: Crane) -> Volume:
    """Return the very volume that the guard decided on."""
    target = demanded_target() or Target("volume")
    return find_volume(crane, f"{target.node}/{target.name}")
