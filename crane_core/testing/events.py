"""Streams that somebody follows: the events of an Engine, and whatever else an HTTP answer goes on with."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

import msgspec


class Stream(Iterator[bytes]):
    """Pieces of an answer as they are put there. Ends when it is closed, which any thread may do.

    :param forget: Told when it is closed.
    """

    def __init__(self, forget: Callable[[Stream], None]) -> None:
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._forget = forget
        self._closed = False

    def __next__(self) -> bytes:
        if self._closed:
            raise StopIteration
        piece = self._pieces.get()
        if piece is None:
            self._closed = True
            raise StopIteration
        return piece

    def put(self, piece: bytes) -> None:
        """Go on with a piece."""
        self._pieces.put(piece)

    def close(self) -> None:
        """End the stream, also for a thread that waits for more of it; what was put there before is still read."""
        self._forget(self)
        self._pieces.put(None)


class EventStream(Stream):
    """The events from now on, one JSON line each."""

    def __init__(self, types: list[str], forget: Callable[[Stream], None]) -> None:
        super().__init__(forget)
        self._types = frozenset(types)

    def tell(self, line: bytes) -> None:
        """Hand over an event."""
        if not self._types or msgspec.json.decode(line)["Type"] in self._types:
            self.put(line)
