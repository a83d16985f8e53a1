"""The Engine of one node of an in-memory Swarm: its containers, as that node's own socket tells of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from crane_core.testing.answers import Refusal, Response
from crane_core.testing.events import EventStream, Stream
from crane_core.testing.filters import read_filters
from crane_core.testing.node_engine.actions import Actions
from crane_core.testing.node_engine.containers import Containers
from crane_core.testing.node_engine.execs import Execs
from crane_core.testing.node_engine.images import Images
from crane_core.testing.node_engine.logs import Logs
from crane_core.testing.node_engine.networks import NodeNetworks
from crane_core.testing.node_engine.stats import Stats
from crane_core.testing.node_engine.usage import Usage
from crane_core.testing.node_engine.volumes import Volumes
from crane_core.testing.records import NodeRecord

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

# Takes what stands for the stars of its pattern, the parameters and the body.
Handler = Callable[[list[str], Mapping[str, str], bytes | None], Response]

NODE_SCOPE = ("container", "image", "volume", "network", "daemon", "plugin")


class NodeEngine:
    """One node's Engine.

    Each room says by ``routes`` which requests it answers: a method and a path in which a star stands for one name.
    """

    def __init__(self, swarm: MemorySwarm, node: NodeRecord) -> None:
        self.node = node
        self._swarm = swarm
        self._streams: list[EventStream] = []
        self.containers = Containers(swarm, node, self.tell)
        self.execs = Execs(swarm, self.containers)
        self.images = Images(swarm, self.containers, self.tell)
        self.volumes = Volumes(swarm, self.containers, self.tell)
        self.stats = Stats(swarm, self.containers)
        rooms = (
            self.containers,
            Actions(swarm, self.containers, self.tell),
            self.execs,
            Logs(swarm, self.containers),
            self.images,
            self.volumes,
            NodeNetworks(swarm, node, self.containers, self.tell),
            self.stats,
            Usage(self.containers, self.images, self.volumes),
        )
        self._routes = [(_compile(pattern), handler) for room in rooms for pattern, handler in room.routes.items()]

    def find(self, method: str, path: str) -> Callable[[Mapping[str, str], bytes | None], Response] | None:
        """Return what answers a request, None where nothing does."""
        for pattern, handler in self._routes:
            if match := pattern.fullmatch(f"{method} {path}"):
                return lambda params, body: handler(list(match.groups()), params, body)
        return None

    def follow(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /events`` with what happens on this node from now on."""
        filters = read_filters(params, ("type", "scope", "event", "container", "image", "label", "volume", "network"))
        stream = EventStream(filters.get("type", []), self._forget)
        self._streams.append(stream)
        self._swarm.streams.append(stream)
        return Response(200, stream)

    def tell(self, kind: str, action: str, id_: str, attributes: Mapping[str, str]) -> None:
        """Tell those who follow that something happened on this node."""
        line = self._swarm.store.event(kind, action, id_, dict(attributes), scope="local")
        for stream in list(self._streams):
            stream.tell(line)

    def _forget(self, stream: Stream) -> None:
        self._streams = [each for each in self._streams if each is not stream]
        self._swarm.forget_stream(stream)


def check_reachable(node: NodeRecord) -> None:
    """Refuse what goes through the manager to a node that is gone."""
    if not node.reachable:
        raise Refusal(500, f"node {node.id} is not available")


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", "([^/]+)"))
