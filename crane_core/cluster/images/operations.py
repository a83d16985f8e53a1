"""Which node has which images, and what is done to them there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from crane_core.cluster.needs import NeedsOfServices, keys_of
from crane_core.cluster.places import ask_nodes, read_with_containers
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.images import parse_image
from crane_core.engine.inventory import Inventory, Item, Stock
from crane_core.engine.records import Node
from crane_core.errors import CraneError, NotFound
from crane_core.events import Event
from crane_core.redaction import hide_arguments, hide_inside, redact

CHANGE_SECONDS = 60.0
# Fewer letters of an id would rather be a name.
_SHORTEST_ID = 4
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class NodeImage:
    """An image on a node.

    :param containers: How many containers of the node were made of it, stopped ones included.
    :param services: How many services name it, wherever their tasks are.
    """

    node: Node
    item: Item
    containers: int = 0
    services: int = 0

    @property
    def id(self) -> str:
        """Its id, the same on all nodes that have the same content."""
        return str(self.item.get("Id"))

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """Its names with their tags."""
        return tuple(str(tag) for tag in self.item.get("RepoTags") or () if "<none>" not in str(tag))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """Its names with their digests; all that the Swarm's own pulls leave."""
        return tuple(str(each) for each in self.item.get("RepoDigests") or () if "<none>" not in str(each))

    @property
    def name(self) -> str:
        """What it is called; the beginning of its id where it has no name."""
        return next(iter((*self.tags, *self.digests)), short_id(self.id))

    @property
    def dangling(self) -> bool:
        """Whether it has no name any more."""
        return not self.tags and not self.digests

    @property
    def in_use(self) -> bool:
        """Whether a container was made of it, or a service names it."""
        return bool(self.containers or self.services)

    def answers_to(self, key: str) -> bool:
        """Tell whether this is what somebody calls by an id, the beginning of one, or a name."""
        plain = key.removeprefix("sha256:")
        if len(plain) >= _SHORTEST_ID and _HEX.issuperset(plain) and self.id.removeprefix("sha256:").startswith(plain):
            return True
        return self.is_called(key)

    def is_called(self, key: str) -> bool:
        """Tell whether one of its names is what somebody wrote."""
        wanted = keys_of(key)
        return any(wanted & keys_of(name) for name in (*self.tags, *self.digests))


def short_id(id_: str) -> str:
    """Return the beginning of an id, as docker shows it."""
    return id_.removeprefix("sha256:")[:12]


def list_images(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> tuple[list[NodeImage], Stock, str]:
    """Return the images of nodes, how fresh they are, and the version of all that.

    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    stock, used = read_with_containers(crane, "images", nodes, patience)
    counts = Counter((node.id, str(item.get("ImageID"))) for node, item in used.items())
    needs = crane.room(NeedsOfServices).current
    images = []
    for node, item in stock.items():
        image = NodeImage(node, item, counts[node.id, str(item.get("Id"))])
        services = needs.count_image((*image.tags, *image.digests))
        images.append(NodeImage(node, item, image.containers, services))
    version = f"{stock.version}/{used.version}/{crane.cache.snapshot().versions['services']}"
    return images, stock, version


def present(image: NodeImage) -> dict[str, Any]:
    """Return an image in the shape of Docker's list, and what Crane knows of it beside that."""
    created = image.item.get("Created")
    return {
        **redact(image.item),
        "id": image.id,
        "name": image.name,
        "node": image.node.name,
        "tags": list(image.tags),
        "digests": list(image.digests),
        "size": int(image.item.get("Size") or 0),
        "created_at": datetime.fromtimestamp(created, UTC) if isinstance(created, int) and created > 0 else None,
        "containers": image.containers,
        "services": image.services,
        "in_use": image.in_use,
        "dangling": image.dangling,
    }


def inspect(crane: Crane, found: list[NodeImage]) -> dict[str, Any]:
    """Return what the first node that answers tells of an image, and what each node has of it."""
    raw = _ask_first(crane, found, "json")
    shown = [present(image) for image in found]
    return {**redact(raw), **{name: shown[0][name] for name in ("id", "name")}, "nodes": shown}


def history(crane: Crane, found: list[NodeImage]) -> list[dict[str, Any]]:
    """Return the steps that an image was made by, the last one first; passwords among them are hidden."""
    steps: list[dict[str, Any]] = _ask_first(crane, found, "history")
    return [
        {
            **step,
            "CreatedBy": hide_inside(hide_arguments(str(step.get("CreatedBy") or ""))),
            "Comment": hide_inside(str(step.get("Comment") or "")),
            "name": f"{number:04d}",
            "size": int(step.get("Size") or 0),
            "created_at": datetime.fromtimestamp(step["Created"], UTC) if step.get("Created", 0) > 0 else None,
        }
        for number, step in enumerate(steps, 1)
    ]


def _ask_first(crane: Crane, found: list[NodeImage], what: str) -> Any:
    """Return what one of the nodes tells of an image: they would all tell the same."""
    path = path_of(found[0].id)
    error: CraneError | None = None
    for image in found:
        [reply] = ask_nodes(crane, [image.node], lambda _, engine: engine.read_json(f"{path}/{what}"), CHANGE_SECONDS)
        if reply.error is None:
            return reply.value
        error = reply.error
    raise error or NotFound("There is no such image.")


def path_of(name: str) -> str:
    """Return where an image is found in the Engine's API."""
    return f"/images/{quote(name, safe='')}"


def tag(crane: Crane, by: str, found: list[NodeImage], name: str) -> list[dict[str, Any]]:
    """Give an image a further name on the nodes that it is on; return what came of it on each."""
    parsed = parse_image(name)
    params = {"repo": parsed.name, "tag": parsed.tag or "latest"}

    def act(image: NodeImage, engine: Engine) -> dict[str, Any]:
        engine.send("POST", f"{path_of(image.id)}/tag", params=params)
        return {"outcome": "tagged"}

    return list(_on_each(crane, by, found, act, "image.tagged", f"{params['repo']}:{params['tag']}"))


def remove(crane: Crane, by: str, found: list[NodeImage], key: str, force: bool) -> list[dict[str, Any]]:
    """Take a name from an image, or remove it with all its names where it is called by its id, on each of its nodes."""

    def act(image: NodeImage, engine: Engine) -> dict[str, Any]:
        called = next((name for name in (*image.tags, *image.digests) if keys_of(key) & keys_of(name)), image.id)
        answered = engine.send("DELETE", path_of(called), params={"force": force}, timeout=CHANGE_SECONDS) or ()
        deleted = [str(each["Deleted"]) for each in answered if "Deleted" in each]
        untagged = [str(each["Untagged"]) for each in answered if "Untagged" in each]
        return {"outcome": "removed" if deleted else "untagged", "deleted": deleted, "untagged": untagged}

    return list(_on_each(crane, by, found, act, "image.removed", key))


def _on_each(
    crane: Crane,
    by: str,
    found: list[NodeImage],
    act: Callable[[NodeImage, Engine], Mapping[str, Any]],
    event: str,
    name: str,
) -> Iterator[dict[str, Any]]:
    images = {image.node.id: image for image in found}
    nodes = [image.node for image in images.values()]
    for reply in ask_nodes(crane, nodes, lambda node, engine: act(images[node.id], engine), CHANGE_SECONDS):
        crane.room(Inventory).note_change(reply.node.id, "images")
        told: dict[str, Any] = {"node": reply.node.name, "deleted": [], "untagged": [], "why": None}
        if reply.error is not None:
            yield {**told, "outcome": "failed", "why": str(reply.error)}
            continue
        crane.emit(Event(event, name, images[reply.node.id].id, by=by, detail={"node": reply.node.name}))
        yield {**told, **(reply.value or {})}
