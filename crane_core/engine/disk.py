"""What nodes keep on their disks: images, containers, volumes and their sizes, as ``/system/df`` tells.

An Engine walks through its volumes to answer it, which may take long: it is asked rarely, and nobody waits for it
longer than they say.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from crane_core.engine.client import Engine
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node

if TYPE_CHECKING:
    from crane_core.context import Crane

KEPT_SECONDS = 60.0
DISK_SECONDS = 60.0

Usage = Mapping[str, Any]


def read_usage(engine: Engine) -> Usage:
    """Return what an Engine says is on its disk."""
    found: Usage = engine.send("GET", "/system/df", timeout=DISK_SECONDS)
    return found


class DiskUsage:
    """The room of one server that keeps for a minute what each node said."""

    def __init__(self, crane: Crane) -> None:
        self._cache = crane.cache
        self._clock = crane.cache.clock
        self._pool = crane.room(Pool)
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Usage]] = {}
        # How big each volume of a node was then, by its name.
        self._volumes: dict[str, Mapping[str, int]] = {}
        self._asked: dict[str, Future[Usage]] = {}

    def read(self, nodes: Iterable[Node], patience: float | None = None) -> dict[str, Usage | None]:
        """Return what is on the disk of each node, by its id; None where it is not known in time.

        :param patience: Seconds to wait for nodes that have to be asked, as the pool says unless told otherwise; what
            comes later is there the next time.
        """
        patience = self._pool.patience if patience is None else patience
        chosen = list(nodes)
        self._forget_gone()
        asked = [future for node in chosen if (future := self._ask_if_due(node)) is not None]
        if asked and patience > 0:
            wait(asked, patience)
        return {node.id: self._find(node.id) for node in chosen}

    def known(self, node_id: str) -> Usage | None:
        """Return what a node said last, however long ago; it is not asked."""
        with self._lock:
            kept = self._kept.get(node_id)
        return kept[1] if kept else None

    def volume_sizes(self, node_id: str) -> Mapping[str, int]:
        """Return how many bytes the volumes of a node had when it was asked last, as far as it knew."""
        return self._volumes.get(node_id, {})

    def _forget_gone(self) -> None:
        """Keep nothing of nodes that the Swarm does not have any more."""
        known = self._cache.snapshot().nodes
        with self._lock:
            self._kept = {id_: kept for id_, kept in self._kept.items() if id_ in known}
            self._volumes = {id_: sizes for id_, sizes in self._volumes.items() if id_ in known}

    def _find(self, node_id: str) -> Usage | None:
        with self._lock:
            future = self._asked.get(node_id)
        if future is not None and future.done():
            self._take(node_id, future)
        return self.known(node_id)

    def _ask_if_due(self, node: Node) -> Future[Usage] | None:
        with self._lock:
            if (future := self._asked.get(node.id)) is not None:
                return future
            kept = self._kept.get(node.id)
            if kept is not None and self._clock() - kept[0] < KEPT_SECONDS:
                return None
            future = self._asked[node.id] = self._pool.submit(self._pool.link(node.id), read_usage)
        future.add_done_callback(lambda done: self._take(node.id, done))
        return future

    def _take(self, node_id: str, done: Future[Usage]) -> None:
        with self._lock:
            if self._asked.get(node_id) is not done:
                return
            del self._asked[node_id]
            if not done.cancelled() and done.exception() is None:
                self._kept[node_id] = (self._clock(), done.result())
                self._volumes[node_id] = _sizes_of(done.result())


def _sizes_of(usage: Usage) -> Mapping[str, int]:
    """Return the sizes of volumes; -1 is what an Engine says where it does not know."""
    sizes = {
        str(volume["Name"]): int((volume.get("UsageData") or {}).get("Size", -1))
        for volume in usage.get("Volumes") or ()
    }
    return {name: size for name, size in sizes.items() if size >= 0}
