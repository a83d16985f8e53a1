"""Which images nothing needs: no container, and no service, whether or not it has tasks at the moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from crane_core.cluster.images.operations import NodeImage, path_of, short_id
from crane_core.cluster.needs import NeedsOfServices
from crane_core.cluster.pruning.operations import Found, Prunable, Pruning
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.disk import read_usage
from crane_core.engine.records import Node
from crane_core.errors import NotFound
from crane_core.security import Target


def target_of(image: NodeImage) -> Target:
    """Return an image on a node as the target of an action."""
    return Target("image", image.name, image.id, node=image.node.name)


def _find(crane: Crane, node: Node, engine: Engine, options: Mapping[str, Any]) -> Found:
    needs = crane.room(NeedsOfServices).current
    containers = Counter(str(each.get("ImageID")) for each in engine.read_json("/containers/json", all=True))
    usage = read_usage(engine)
    # What it shares with others stays when it goes.
    sizes = {
        str(each["Id"]): max(0, int(each.get("Size") or 0) - max(0, int(each.get("SharedSize") or 0)))
        for each in usage.get("Images") or ()
    }
    images = [NodeImage(node, item, containers[str(item.get("Id"))]) for item in engine.read_json("/images/json")]
    unused = [
        image
        for image in images
        if not image.containers
        and not needs.count_image((*image.tags, *image.digests))
        and (options.get("all") or image.dangling)
    ]
    found = [
        Prunable(
            target_of(image),
            image.id,
            image.name,
            sizes.get(image.id, 0),
            ", ".join(image.tags[1:]) or short_id(image.id),
            # By its id an image with several names is not removed; what is only called by its digest is.
            image.tags or (image.id,),
        )
        for image in unused
    ]
    return Found(found, len(images) - len(found))


def _remove(engine: Engine, item: Prunable) -> None:
    for name in item.names:
        engine.send("DELETE", path_of(name), timeout=60.0)
    try:
        engine.read_json(f"{path_of(item.id)}/json")
    except NotFound:
        return
    # A name with a digest is left.
    engine.send("DELETE", path_of(item.id), timeout=60.0)


PRUNING = Pruning("image", _find, _remove, ("images",), "image.pruned")
