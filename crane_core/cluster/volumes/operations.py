"""The volumes of each node: what they are, who uses them, making and removing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from crane_core.cluster.needs import NeedsOfServices
from crane_core.cluster.places import read_with_containers
from crane_core.context import Crane
from crane_core.engine.disk import DiskUsage
from crane_core.engine.errors import NameTaken
from crane_core.engine.inventory import Inventory, Item, Stock
from crane_core.engine.pool import Pool
from crane_core.engine.records import STACK_LABEL, Node
from crane_core.errors import Ambiguous, NotFound
from crane_core.events import Event
from crane_core.redaction import redact
from crane_core.security import Target

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
CHANGE_SECONDS = 60.0
_GENERATED = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Volume:
    """A volume on a node.

    :param containers: The ids of the node's containers that mount it, stopped ones included.
    :param services: The ids of the services that name it, wherever their tasks are.
    """

    node: Node
    item: Item
    containers: tuple[str, ...] = ()
    services: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its name, on its node."""
        return str(self.item.get("Name"))

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.item.get("Labels") or {}

    @property
    def stack(self) -> str | None:
        """The stack that it belongs to, None outside a stack."""
        return self.labels.get(STACK_LABEL) or None

    @property
    def anonymous(self) -> bool:
        """Whether nobody gave it its name."""
        return ANONYMOUS_LABEL in self.labels or bool(_GENERATED.fullmatch(self.name))

    @property
    def in_use(self) -> bool:
        """Whether a container mounts it, or a service names it."""
        return bool(self.containers or self.services)

    @property
    def key(self) -> str:
        """What it is known by among the volumes of all nodes."""
        return f"{self.node.name}/{self.name}"


def target_of(volume: Volume) -> Target:
    """Return a volume as the target of an action."""
    return Target("volume", volume.name, volume.key, volume.stack, volume.labels, node=volume.node.name)


def mounted_by(containers: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the containers that mount each volume, by its name."""
    found: dict[str, list[str]] = {}
    for container in containers:
        for mount in container.get("Mounts") or ():
            if mount.get("Type") == "volume" and mount.get("Name"):
                found.setdefault(str(mount["Name"]), []).append(str(container.get("Id")))
    return {name: tuple(sorted(set(ids))) for name, ids in found.items()}


def list_volumes(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> tuple[list[Volume], Stock, str]:
    """Return the volumes of nodes, how fresh they are, and the version of all that.

    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    stock, used = read_with_containers(crane, "volumes", nodes, patience)
    needs = crane.room(NeedsOfServices).current
    mounted = {node.id: mounted_by(shelf.items) for node, shelf in used.shelves}
    volumes = [
        Volume(
            node,
            item,
            mounted.get(node.id, {}).get(str(item.get("Name")), ()),
            needs.services_of_volume(str(item.get("Name"))),
        )
        for node, item in stock.items()
    ]
    return volumes, stock, f"{stock.version}/{used.version}/{crane.cache.snapshot().versions['services']}"


def find_volume(crane: Crane, key: str) -> Volume:
    """Find a volume by its name; with the node and a slash before it, on that node.

    :raises NotFound: when there is none; it says which nodes could not be asked.
    :raises Ambiguous: when several nodes have one of that name.
    :raises EngineUnavailable: while it is not known which nodes there are.
    """
    crane.cache.snapshot().demand_read()
    where, _, name = key.rpartition("/")
    nodes = [crane.cache.snapshot().get_node(where)] if where else None
    volumes, stock, _ = list_volumes(crane, nodes)
    found = [volume for volume in volumes if volume.name == name]
    if len(found) > 1:
        raise Ambiguous(
            f"Several nodes have a volume {key}",
            (volume.key for volume in found),
            "Write the node and a slash before it.",
        )
    if not found:
        missing = [str(source["name"]) for source in stock.sources if source["state"] != "fresh"]
        unless = f", unless it is on {' or '.join(missing)}, which cannot be asked" if missing else ""
        raise NotFound(f"There is no volume {key}{unless}.")
    return found[0]


def size_of(crane: Crane, volume: Volume) -> int | None:
    """Return how many bytes a volume had when its node was asked last; None where it was not, or does not know."""
    return crane.room(DiskUsage).volume_sizes(volume.node.id).get(volume.name)


def present(crane: Crane, volume: Volume) -> dict[str, Any]:
    """Return a volume in the shape of Docker's list, and what Crane knows of it beside that."""
    return {
        **redact(volume.item),
        "id": volume.key,
        "name": volume.name,
        "node": volume.node.name,
        "driver": str(volume.item.get("Driver") or ""),
        "scope": str(volume.item.get("Scope") or ""),
        "stack": volume.stack,
        "anonymous": volume.anonymous,
        "containers": len(volume.containers),
        "services": len(volume.services),
        "in_use": volume.in_use,
        "size": size_of(crane, volume),
    }


def create(crane: Crane, by: str, node: Node, body: Mapping[str, Any]) -> Volume:
    """Make a volume on a node.

    :param body: What the Engine is told: ``Name``, ``Driver``, ``DriverOpts``, ``Labels``.
    :raises NameTaken: when the node has one of that name; the Engine would say nothing and leave it as it is.
    """
    name = str(body.get("Name") or "")
    engine = crane.room(Pool).get(node.id)
    if name and any(each.get("Name") == name for each in engine.read_json("/volumes").get("Volumes") or ()):
        raise NameTaken(f"The node {node.name} has a volume {name} already; remove it first, or take another name.")
    made = engine.send("POST", "/volumes/create", body, timeout=CHANGE_SECONDS)
    crane.room(Inventory).note_change(node.id, "volumes")
    volume = Volume(node, made)
    crane.emit(Event("volume.created", volume.name, volume.key, volume.stack, by, {"node": node.name}))
    return volume


def remove(crane: Crane, by: str, volume: Volume, force: bool) -> None:
    """Remove a volume and what is in it.

    :param force: Also where its driver does not answer any more; never while a container mounts it.
    """
    engine = crane.room(Pool).get(volume.node.id)
    engine.send("DELETE", path_of(volume.name), params={"force": True if force else None}, timeout=CHANGE_SECONDS)
    crane.room(Inventory).note_change(volume.node.id, "volumes")
    crane.emit(Event("volume.removed", volume.name, volume.key, volume.stack, by, {"node": volume.node.name}))


def path_of(name: str) -> str:
    """Return where a volume is found in the Engine's API."""
    return f"/volumes/{quote(name, safe='')}"
