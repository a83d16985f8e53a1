"""The events of each node's own Engine, followed for as long as the server runs and told to whoever listens."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from crane_core.engine.client import Engine
from crane_core.engine.link import Link
from crane_core.engine.pool import TICK_SECONDS, Pool
from crane_core.engine.records import SERVICE_LABEL
from crane_core.engine.streaming import EventStream
from crane_core.errors import CraneError

if TYPE_CHECKING:
    from crane_core.context import Crane

log = logging.getLogger(__name__)

TYPES = ("container", "image", "volume", "network", "daemon", "plugin")
# What a task's container does when the task changes; a check of health appends what it found.
_OF_TASKS = ("start", "die", "health_status")

# Told of the id of a node and an event of its Engine; None when some may have been missed.
Listener = Callable[[str, Mapping[str, Any] | None], None]


class NodeEvents:
    """The room of one server that follows what happens on each node.

    A thread for each node waits for its next event. Checks of health run programs in containers, and tell of it each
    time; these events are passed over.
    """

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._pool = crane.room(Pool)
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        # Each with the Engine that it comes from.
        self._streams: dict[str, tuple[Engine, EventStream]] = {}
        self._starting: set[str] = set()
        self._stop = threading.Event()

    def listen(self, listener: Listener) -> None:
        """Tell somebody of events from now on, in the order of each node; it must not wait."""
        with self._lock:
            self._listeners += (listener,)

    def follows(self, node_id: str) -> bool:
        """Tell whether the events of a node are followed at this moment."""
        return node_id in self._streams

    def run(self, stop: threading.Event) -> None:
        """Follow every node that answers, until told to stop."""
        self._stop.clear()
        while not stop.wait(TICK_SECONDS):
            self.look()
        self.close()

    def look(self) -> None:
        """Begin to follow who answers, and follow no more who is not in the Swarm any more."""
        if self._stop.is_set():
            return
        nodes = self._crane.cache.snapshot().nodes
        with self._lock:
            followed = dict(self._streams)
        for id_, (_, stream) in followed.items():
            if id_ not in nodes:
                # Its Engine may well go on; nothing of what happens there is of the Swarm.
                stream.close()
        for link in self._pool.known_links():
            if link.node.id in nodes:
                self._look_at(link, *followed.get(link.node.id, (None, None)))

    def close(self) -> None:
        """Follow nobody any more."""
        self._stop.set()
        with self._lock:
            streams = [stream for _, stream in self._streams.values()]
        for stream in streams:
            stream.close()

    def _look_at(self, link: Link, engine: Engine | None, stream: EventStream | None) -> None:
        if stream is not None and engine is not link.engine:
            # There is another way to it now; what holds the old one open would keep an agent from leaving.
            stream.close()
        elif stream is None and link.answers:
            self._start(link)

    def _start(self, link: Link) -> None:
        id_ = link.node.id
        with self._lock:
            if id_ in self._starting:
                return
            self._starting.add(id_)
        threading.Thread(target=self._follow, args=(link,), name=f"crane-events-{link.node.name}", daemon=True).start()

    def _follow(self, link: Link) -> None:
        id_ = link.node.id
        try:
            engine = link.get()
            stream = engine.events(self._stop, types=TYPES, scope="local")
            with self._lock:
                self._streams[id_] = (engine, stream)
            if self._stop.is_set():
                stream.close()
            # What happened before is only in the lists.
            self._tell(id_, None)
            for event in stream:
                action = str(event.get("Action", ""))
                if not action.startswith("exec_"):
                    self._tell(id_, event)
                if event.get("Type") == "container" and action.startswith(_OF_TASKS):
                    self._expect_tasks(event)
        except CraneError as error:
            log.info("The events of %s ended and will be followed again: %s", link.node.name, error)
        finally:
            with self._lock:
                self._streams.pop(id_, None)
                self._starting.discard(id_)
            self._tell(id_, None)

    def _expect_tasks(self, event: Mapping[str, Any]) -> None:
        labels = event.get("Actor", {}).get("Attributes", {})
        if service := labels.get(SERVICE_LABEL):
            self._crane.watcher.expect([service])

    def _tell(self, node_id: str, event: Mapping[str, Any] | None) -> None:
        for listener in self._listeners:
            listener(node_id, event)
