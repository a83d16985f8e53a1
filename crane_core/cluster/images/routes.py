"""HTTP in and out of images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import marshmallow as ma
from flask import Response

from crane_core.cluster.images import operations
from crane_core.cluster.images.operations import NodeImage, list_images
from crane_core.cluster.images.pruning import PRUNING, target_of
from crane_core.cluster.images.pulling import Pull
from crane_core.cluster.images.schemas import (
    ImageDetailSchema,
    ImageOutcomesSchema,
    ImagePullSchema,
    ImageStepSchema,
    NodeImageSchema,
    PullSchema,
    TagSchema,
)
from crane_core.cluster.places import NodesQuery, choose_nodes
from crane_core.cluster.pruning.routes import add_prune_routes
from crane_core.context import Crane, get_crane
from crane_core.contributions import RegistryLogin
from crane_core.engine.chosen import find_named, name_nodes
from crane_core.engine.images import parse_image
from crane_core.engine.policy import check_image
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node
from crane_core.errors import Ambiguous, Conflict, Invalid, NotFound
from crane_core.http import Blueprint, Listing, ListQuery, answer, answer_list, stream_lines
from crane_core.rules import broken
from crane_core.security import Target, demand, guard, identify, may

blueprint = Blueprint("images", __name__, url_prefix="/api/v1/images", description="What nodes make containers of.")


class ImageQuery(ListQuery):
    """What images can be filtered by."""

    node = ma.fields.String(metadata={"description": "The host name of their node."})
    id = ma.fields.String(metadata={"description": "Their id."})
    in_use = ma.fields.Boolean(metadata={"description": "Whether a container or a service needs them."})
    dangling = ma.fields.Boolean(metadata={"description": "Whether they have no name any more."})


class RemoveImageQuery(NodesQuery):
    """Where an image is removed, and how."""

    force = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "Also where a stopped container was made of it, or it has several names."},
    )


class PruneImagesQuery(NodesQuery):
    """Which images may go."""

    all = ma.fields.Boolean(
        load_default=False, metadata={"description": "All that nothing needs, not only those without a name."}
    )


def image_listing(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> Listing[NodeImage]:
    """Return the list of the images of all nodes.

    :param nodes: Those that are asked; all unless told otherwise.
    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    crane.watcher.note_interest()
    images, stock, version = list_images(crane, nodes, patience)
    return Listing(
        version=f"{version}/{crane.cache.snapshot().versions['nodes']}",
        rows=lambda: images,
        action="image:read",
        target=target_of,
        fields={
            "name": lambda image: (*image.tags, *image.digests) or (image.name,),
            "node": lambda image: image.node.name,
            "id": lambda image: image.id,
            "size": lambda image: int(image.item.get("Size") or 0),
            "created_at": lambda image: image.item.get("Created") or 0,
            "in_use": lambda image: image.in_use,
            "dangling": lambda image: image.dangling,
        },
        present=operations.present,
        sources=[*crane.cache.sources(), *stock.sources],
        made_of=lambda image: (repr(image.item), image.node.name, image.containers, image.services),
    )


@blueprint.route("")
@guard("image:read")
@blueprint.arguments(ImageQuery, location="query")
@blueprint.response_list(NodeImageSchema, description="The images, one item for each node that has it.")
def list_all(query: dict[str, Any]) -> Response:
    """List the images of all nodes."""
    crane = get_crane()
    snapshot = crane.cache.snapshot()
    query = name_nodes(snapshot, query)
    return answer_list(crane, image_listing(crane, find_named(snapshot, query)), query)


@blueprint.route("/pull", methods=["POST"])
@guard("image:pull")
@blueprint.arguments(PullSchema)
@blueprint.response_stream(ImagePullSchema, description="How it fares on each node, and at last how it ended.")
def pull(sent: dict[str, Any]) -> Response:
    """Pull an image on one node, on several or on all; it ends when nobody listens any more."""
    crane, identity = get_crane(), identify()
    image = str(parse_image(sent["image"]))
    nodes = _demand_nodes(crane, "image:pull", image, sent["nodes"])
    target = Target("image", image)
    if violations := broken(crane, identity, lambda: target, lambda rules: check_image(image, rules)):
        raise Invalid("This image may not be pulled here.", violations=violations)
    login = _find_login(crane, image, sent["registry_login"])
    crane.about_to_wait()
    return stream_lines(Pull(crane, identity.name, image, nodes, login).run())


def _demand_nodes(crane: Crane, action: str, image: str, names: Iterable[str]) -> list[Any]:
    """Return the nodes that were named, on all of which the caller must hold an action; else those where they do."""
    wanted = choose_nodes(crane, names)
    if names:
        for node in wanted:
            demand(action, Target("image", image, node=node.name))
        return wanted
    held = [node for node in wanted if may(action, Target("image", image, node=node.name))]
    if not held and wanted:
        demand(action, Target("image", image, node=wanted[0].name))
    return held


def _find_login(crane: Crane, image: str, sent: dict[str, str] | None) -> RegistryLogin | None:
    if sent is not None:
        return RegistryLogin(parse_image(image).registry, sent["username"], sent["password"])
    plain = image.partition("@")[0]
    found = crane.plugins.ask_first("crane_find_registry_login", image=plain)
    return found if isinstance(found, RegistryLogin) else None


@blueprint.route("/tag", methods=["POST"])
@guard("image:tag")
@blueprint.arguments(TagSchema)
@blueprint.response(200, ImageOutcomesSchema, description="What came of it on each node.")
def tag(sent: dict[str, Any]) -> Response:
    """Give an image a further name."""
    crane = get_crane()
    if parse_image(sent["tag"]).digest:
        raise Invalid("A further name has a tag and no digest: leave out what stands after the @.")
    found = _demand_images(crane, "image:tag", sent["image"], sent["nodes"])
    return _answer_outcomes(operations.tag(crane, identify().name, found, sent["tag"]))


add_prune_routes(
    blueprint,
    PRUNING,
    PruneImagesQuery,
    previews="Tell which images a prune would remove; what a container or a service needs is kept.",
    prunes="Remove the images that a preview named.",
)


@blueprint.route("/<path:name>/history")
@guard("image:read")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response_list(ImageStepSchema, description="The steps, the last one first.")
def history(query: dict[str, Any], name: str) -> Response:
    """List the steps that an image was made by."""
    crane = get_crane()
    found = _find_images(crane, name)
    steps = operations.history(crane, found)
    listing: Listing[dict[str, Any]] = Listing(
        version=repr(steps),
        rows=lambda: steps,
        action=None,
        target=lambda step: target_of(found[0]),
        fields={"name": lambda step: step["name"], "size": lambda step: step["size"]},
        sources=crane.room(Pool).sources([found[0].node]),
    )
    return answer_list(crane, listing, query)


@blueprint.route("/<path:name>")
@guard("image:read")
@blueprint.response(200, ImageDetailSchema, description="The image, by its id, the beginning of its id, or a name.")
def show(name: str) -> Response:
    """Show an image, and which nodes have it."""
    crane = get_crane()
    return answer(operations.inspect(crane, _find_images(crane, name)))


@blueprint.route("/<path:name>", methods=["DELETE"])
@guard("image:remove")
@blueprint.arguments(RemoveImageQuery, location="query")
@blueprint.response(200, ImageOutcomesSchema, description="What came of it on each node.")
def remove(query: dict[str, Any], name: str) -> Response:
    """Take a name from an image; with its last name, or called by its id, it is removed."""
    crane = get_crane()
    nodes = [each for each in query["node"].split(",") if each.strip()]
    found = _demand_images(crane, "image:remove", name, nodes)
    return _answer_outcomes(operations.remove(crane, identify().name, found, name, query["force"]))


def _find_images(crane: Crane, key: str, nodes: Iterable[str] = ()) -> list[NodeImage]:
    """Return an image on each node that has it, as far as the caller may see it. Raises ``NotFound``."""
    images, stock, _ = list_images(crane, choose_nodes(crane, nodes))
    found = [image for image in images if image.answers_to(key) and may("image:read", target_of(image))]
    # Other nodes may have another image of the same name; the beginning of an id must be that of one only.
    if len({image.id for image in found}) > 1 and not any(image.is_called(key) for image in found):
        raise Ambiguous(
            f"Several images have an id that begins with {key}",
            {operations.short_id(image.id) for image in found},
            "Write more of it.",
        )
    if not found:
        missing = [str(source["name"]) for source in stock.sources if source["state"] != "fresh"]
        unless = f", unless it is on {' or '.join(missing)}, which cannot be asked" if missing else ""
        raise NotFound(f"No node has an image {key}{unless}.")
    return found


def _demand_images(crane: Crane, action: str, key: str, nodes: list[str]) -> list[NodeImage]:
    """Return an image on each node that has it, on all of which the caller must hold an action."""
    found = _find_images(crane, key, nodes)
    for image in found:
        demand(action, target_of(image))
    return found


def _answer_outcomes(outcomes: list[dict[str, Any]]) -> Response:
    """Answer with what came of a change on each node. Raises ``Conflict`` where it failed on all."""
    if all(each["outcome"] == "failed" for each in outcomes):
        raise Conflict(" ".join(f"{each['node']}: {each['why']}" for each in outcomes))
    return answer({"nodes": outcomes})
