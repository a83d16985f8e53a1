"""The inventory: what each node's own Engine lists, kept so that no list waits for a node that does not answer.

A list is read anew when somebody asks for it and it is older than a moment, or when the node told that something
changed. Who asks waits for nodes that answer, and no longer than told; of others there is what was last known, with its
age. A node that hangs has one request waiting for it, however many ask.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from crane_core.engine.client import Engine
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node
from crane_core.engine.snapshot import Source
from crane_core.errors import CraneError

if TYPE_CHECKING:
    from crane_core.context import Crane

log = logging.getLogger(__name__)

ItemKind = Literal["containers", "images", "volumes", "networks"]
Item = Mapping[str, Any]

# What is younger than this is not read again, in seconds; where the node's events are followed, much longer.
FRESH_SECONDS = 1.0
FRESH_WITH_EVENTS_SECONDS = 15.0
# For how long nobody waits for a list that failed, in seconds: it may fail as slowly again.
DOUBTED_SECONDS = 5.0
_UNREADABLE = "What its Engine tells of its {} cannot be read; the server's log has more."

_EXITED = re.compile(r"Exited \((\d+)\)")
# How the Engine ends the sentence about a container that has a check of its health.
_HEALTH: Mapping[str, str] = {
    "(healthy)": "healthy",
    "(unhealthy)": "unhealthy",
    "(health: starting)": "starting",
}

_KIND_OF_EVENT: Mapping[str, ItemKind] = {
    "container": "containers",
    "image": "images",
    "volume": "volumes",
    "network": "networks",
}


def _read_containers(engine: Engine) -> list[Item]:
    return [_settle(item) for item in engine.read_json("/containers/json", all=True)]


def _settle(item: Mapping[str, Any]) -> Item:
    """Return a container of the list without the sentence that differs each time it is read.

    What it tells beside the time is in ``Health`` and ``ExitCode`` then.
    """
    told = str(item.get("Status") or "")
    settled = {key: value for key, value in item.items() if key != "Status"}
    # A list of ports comes in another order each time.
    settled["Ports"] = sorted(item.get("Ports") or (), key=repr)
    if exited := _EXITED.match(told):
        settled["ExitCode"] = int(exited[1])
    if health := next((word for text, word in _HEALTH.items() if told.endswith(text)), None):
        settled["Health"] = health
    return settled


def _read_images(engine: Engine) -> list[Item]:
    return list(engine.read_json("/images/json"))


def _read_volumes(engine: Engine) -> list[Item]:
    return list(engine.read_json("/volumes").get("Volumes") or ())


def _read_networks(engine: Engine) -> list[Item]:
    return [network for network in engine.read_json("/networks") if network.get("Scope") == "local"]


_READERS: Mapping[ItemKind, Callable[[Engine], list[Item]]] = {
    "containers": _read_containers,
    "images": _read_images,
    "volumes": _read_volumes,
    "networks": _read_networks,
}


@dataclass(frozen=True)
class Shelf:
    """What one node lists of one kind.

    :param version: Changes when an item does.
    :param read_at: When it was last read, on the clock of the cache; None when never.
    :param error: Why it could not be read when it was last tried.
    :param failed_at: When that was, on the same clock; None where it was read.
    """

    items: tuple[Item, ...] = ()
    version: int = 0
    read_at: float | None = None
    error: str = ""
    failed_at: float | None = None

    def is_doubted(self, now: float, returned_at: float) -> bool:
        """Tell whether it failed so shortly ago that nobody is to wait for it.

        :param returned_at: When its node's Engine was found to answer; what failed before that says nothing any more.
        """
        return self.failed_at is not None and self.failed_at >= max(returned_at, now - DOUBTED_SECONDS)


@dataclass(frozen=True)
class Stock:
    """What several nodes list of one kind.

    :param version: Changes when anything of it does, a node that answers no more included.
    :param sources: The ``sources`` member of a list that is made of it.
    """

    shelves: tuple[tuple[Node, Shelf], ...]
    version: str
    sources: list[dict[str, Any]] = field(default_factory=list)

    def items(self) -> Iterable[tuple[Node, Item]]:
        """Yield each item with the node that it is on."""
        return ((node, item) for node, shelf in self.shelves for item in shelf.items)


class Inventory:
    """The room of one server that keeps what the nodes list."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._pool = crane.room(Pool)
        self._events = crane.room(NodeEvents)
        self._lock = threading.Lock()
        self._shelves: dict[tuple[str, ItemKind], Shelf] = {}
        self._changed: set[tuple[str, ItemKind]] = set()
        # What is being read, and since when.
        self._readings: dict[tuple[str, ItemKind], tuple[Future[list[Item]], float]] = {}
        self._events.listen(self._hear)

    def __len__(self) -> int:
        """How many lists are kept."""
        return len(self._shelves)

    def read(self, kind: ItemKind, nodes: Iterable[Node] | None = None, patience: float | None = None) -> Stock:
        """Return what nodes list, from all nodes unless told otherwise.

        :param patience: How long to wait for those that have to be asked, in seconds, as the pool says unless told
            otherwise; 0 for a topic, which is asked again soon.
        """
        patience = self._pool.patience if patience is None else patience
        end = self._clock() + patience
        known = self._crane.cache.snapshot().nodes
        self._forget_gone(known)
        chosen = list(known.values() if nodes is None else nodes)
        chosen.sort(key=lambda node: node.name)
        late = [node for node in chosen if self._is_late(node, kind)]
        self._wait({node.id: begun for node in chosen if (begun := self._begin_if_due(node, kind))}, kind, patience)
        if late and patience > 0:
            again = {node.id: begun for node in late if (begun := self._begin_if_due(node, kind))}
            self._wait(again, kind, max(0.0, end - self._clock()))
        shelves = tuple((node, self._shelf(node, kind)) for node in chosen)
        links = [self._pool.link(node.id) for node in chosen]
        for link in links:
            link.watch()
        version = ".".join(
            f"{node.id[:8]}{shelf.version}{'' if link.answers else '!'}"
            for (node, shelf), link in zip(shelves, links, strict=True)
        )
        now = self._clock()
        sources = [
            _to_source(node, shelf, link.error).to_json(now) for (node, shelf), link in zip(shelves, links, strict=True)
        ]
        return Stock(shelves, version, sources)

    def _wait(self, begun: Mapping[str, tuple[Future[list[Item]], float]], kind: ItemKind, patience: float) -> None:
        """Wait for readings, for none of them longer than told since it began, however many wait for it in turn."""
        now = self._clock()
        left = {id_: patience - (now - since) for id_, (_, since) in begun.items()}
        waiting = {reading: id_ for id_, (reading, _) in begun.items() if left[id_] > 0}
        if not waiting:
            return
        done, late = wait(waiting, max(left[id_] for id_ in waiting.values()))
        for reading in done:
            # Whoever waits may be woken before what came is taken.
            self._take((waiting[reading], kind), reading)
        for reading in late:
            self._pool.link(waiting[reading]).suspect()

    def note_change(self, node_id: str, *kinds: ItemKind) -> None:
        """Read lists of a node anew when they are asked for next: something was just changed there."""
        with self._lock:
            self._changed.update((node_id, kind) for kind in kinds)

    def _forget_gone(self, known: Mapping[str, Node]) -> None:
        """Keep nothing of nodes that the Swarm does not have any more."""
        with self._lock:
            for key in [key for key in self._shelves if key[0] not in known]:
                del self._shelves[key]
            self._changed = {key for key in self._changed if key[0] in known}

    def _shelf(self, node: Node, kind: ItemKind) -> Shelf:
        with self._lock:
            return self._shelves.get((node.id, kind), Shelf())

    def _is_late(self, node: Node, kind: ItemKind) -> bool:
        """Tell whether something changed since a list is being read, so that it may tell of before."""
        key = (node.id, kind)
        with self._lock:
            return key in self._readings and key in self._changed

    def _begin_if_due(self, node: Node, kind: ItemKind) -> tuple[Future[list[Item]], float] | None:
        """Begin to read a list if it is due; return the reading that is worth waiting for, and when it began."""
        key = (node.id, kind)
        link = self._pool.link(node.id)
        with self._lock:
            shelf = self._shelves.get(key, Shelf())
            # It is tried, whether somebody waits for it or not.
            is_worth_it = not link.error and not shelf.is_doubted(self._clock(), link.returned_at)
            if (begun := self._readings.get(key)) is not None:
                # Somebody else began it a moment ago, or the node hangs, which the pool finds out.
                return begun if is_worth_it else None
            if not self._is_due(key, shelf):
                return None
            self._changed.discard(key)
            begun = self._readings[key] = (self._pool.submit(link, _READERS[kind]), self._clock())
        begun[0].add_done_callback(lambda done: self._take(key, done))
        return begun if is_worth_it else None

    def _is_due(self, key: tuple[str, ItemKind], shelf: Shelf) -> bool:
        if key in self._changed or shelf.read_at is None:
            return True
        followed = self._events.follows(key[0])
        return self._clock() - shelf.read_at >= (FRESH_WITH_EVENTS_SECONDS if followed else FRESH_SECONDS)

    def _take(self, key: tuple[str, ItemKind], done: Future[list[Item]]) -> None:
        error = done.exception() if not done.cancelled() else None
        with self._lock:
            if key not in self._readings or self._readings[key][0] is not done:
                return
            del self._readings[key]
            shelf = self._shelves.get(key, Shelf())
            if error is None and not done.cancelled():
                items = tuple(done.result())
                version = shelf.version if items == shelf.items else shelf.version + 1
                self._shelves[key] = Shelf(items, version, self._clock())
            elif error is not None:
                if not isinstance(error, CraneError):
                    log.error("The %s of node %s cannot be read.", key[1], key[0], exc_info=error)
                told = str(error) if isinstance(error, CraneError) else _UNREADABLE.format(key[1])
                self._shelves[key] = replace(shelf, error=told, failed_at=self._clock())
                self._changed.add(key)

    def _hear(self, node_id: str, event: Mapping[str, Any] | None) -> None:
        """Note what a node's event means: None that some may have been missed."""
        kinds: Iterable[ItemKind] = _READERS if event is None else ()
        if event is not None and (kind := _KIND_OF_EVENT.get(str(event.get("Type")))) is not None:
            kinds = (kind,)
        with self._lock:
            self._changed.update((node_id, kind) for kind in kinds)


def _to_source(node: Node, shelf: Shelf, unreachable: str) -> Source:
    error = unreachable or shelf.error
    if not error and shelf.read_at is not None:
        return Source(node.name, "fresh", shelf.read_at)
    if not error:
        error = f"The Engine of {node.name} has not answered yet."
    return Source(node.name, "never" if shelf.read_at is None else "stale", shelf.read_at, error)
