"""The logs of one server: what is followed at this moment, and for how many."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from crane_core.context import Crane
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.streams import Shared
from crane_core.errors import CraneError
from crane_core.logs.channel import Channel
from crane_core.logs.origins import Subject

# How many subscribers are read the past at the same time.
MOST_BEGINNING = 32


class TooManyReaders(CraneError):
    """As many requests read logs as the server allows."""

    status, code, title = 503, "too-many-log-readers", "Too many requests read logs."


class Logs:
    """The room of one server that follows logs: each once, for however many readers."""

    def __init__(self, crane: Crane) -> None:
        self.channels: Shared[Subject, Channel] = Shared(lambda subject: Channel(crane, subject))
        self.lost = 0
        self.readers = 0
        self.most = int(crane.settings["logs.readers"])
        # Each asks the Engines for the past; many who come at once take turns.
        self.beginning = threading.BoundedSemaphore(MOST_BEGINNING)
        self._lock = threading.Lock()
        crane.room(NodeEvents).listen(self._hear)

    @property
    def streams(self) -> int:
        """How many streams of Engines are open."""
        return sum(channel.streams for channel in self.channels)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Count a request that reads a log while a block runs.

        :raises TooManyReaders: when there are as many as are allowed: each holds a thread.
        """
        with self._lock:
            if self.readers >= self.most:
                raise TooManyReaders(
                    f"{self.most} requests read logs already, the most that logs.readers allows. Try again later, or "
                    "use the live socket, where readers hold no thread of their own."
                )
            self.readers += 1
        try:
            yield
        finally:
            with self._lock:
                self.readers -= 1

    def note_lost(self, count: int) -> None:
        """Count lines that a reader was too slow for."""
        with self._lock:
            self.lost += count

    def close(self) -> None:
        """Follow nothing any more: the server stops."""
        self.channels.close()

    def _hear(self, node_id: str, event: Mapping[str, Any] | None) -> None:
        if event is None or event.get("Type") == "container":
            for channel in self.channels:
                channel.hear(event)
