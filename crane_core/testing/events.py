"""A stream of events that somebody follows, as the lines of an HTTP answer."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

import msgspec


class EventStream(Iterator[bytes]):
    """The events from now on, one JSON line each. Ends when it is closed, which any thread may do."""

    def __init__(self, types: list[str], forget: Callable[[EventStream], None]) -> None:
        self._types = frozenset(types)
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._forget = forget
        self._closed = False

    def __next__(self) -> bytes:
        if self._closed:
            raise StopIteration
        line = self._lines.get()
        if line is None:
            self._closed = True
            raise StopIteration
        return line

    def tell(self, line: bytes) -> None:
        """Hand over an event."""
        if not self._types or msgspec.json.decode(line)["Type"] in self._types:
            self._lines.put(line)

    def close(self) -> None:
        """End the stream, also for a thread that waits for its next event."""
        self._forget(self)
        self._lines.put(None)
