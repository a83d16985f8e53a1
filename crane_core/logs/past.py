"""The past: what containers have printed so far, merged in the order of time while it is read."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.engine.streaming import ByteStream
from crane_core.errors import CraneError, EngineUnavailable, NotFound
from crane_core.logs.asking import Wish, ask
from crane_core.logs.entries import Condition, Entry, Printed, Told
from crane_core.logs.lines import Line, LineReader
from crane_core.logs.origins import Origin

# An Engine that sends nothing for so long in the middle of its answer is given up, in seconds.
STALL_SECONDS = 10.0
# How many pieces, of 64 KiB at the most, are read ahead of each container.
_AHEAD = 8


class Past:
    """What containers have printed so far.

    Reading it ahead is bounded; who reads it slowly keeps the Engines waiting.

    :param wish_for: What to ask for of each container.
    :param note: Told of each line, also of those that are not among the newest that are wanted.
    """

    def __init__(
        self,
        crane: Crane,
        origins: Iterable[Origin],
        wish_for: Callable[[Origin], Wish],
        note: Callable[[Origin, Line], None] | None = None,
    ) -> None:
        self._note = note
        self._patience = crane.room(Pool).patience
        self._parts = [_Part(crane, origin, wish_for(origin)) for origin in origins if origin.container]

    def __enter__(self) -> Past:
        return self

    def __exit__(self, *exception: object) -> None:
        for part in self._parts:
            part.close()

    def entries(self, tail: int | None = None) -> Iterator[Entry]:
        """Yield lines in the order of time, and which containers cannot be asked.

        :param tail: Only so many lines, the newest; None for all.
        """
        deadline = time.monotonic() + self._patience
        for part in self._parts:
            part.wait(deadline, self._patience)
        if tail is None:
            yield from self._merge()
            return
        newest: deque[Entry] = deque(maxlen=tail)
        for entry in self._merge():
            if isinstance(entry, Told):
                yield entry
            else:
                newest.append(entry)
        yield from newest

    def _merge(self) -> Iterator[Entry]:
        # Of each container its next line, by when it was printed; a clock that was set back changes no order.
        heap: list[tuple[str, int, Line, Iterator[Line]]] = []
        for number, part in enumerate(self._parts):
            lines = part.lines()
            if (line := next(lines, None)) is not None:
                heap.append((line.stamp, number, line, lines))
        heapq.heapify(heap)
        while heap:
            stamp, number, line, lines = heap[0]
            origin = self._parts[number].origin
            if self._note is not None:
                self._note(origin, line)
            yield Printed(origin, line)
            if (following := next(lines, None)) is not None:
                heapq.heapreplace(heap, (max(stamp, following.stamp), number, following, lines))
            else:
                heapq.heappop(heap)
        for part in self._parts:
            if part.error:
                yield Told(part.origin, Condition("unreachable", part.error))


class _Part:
    """What one container has printed, read ahead on a thread of its own."""

    def __init__(self, crane: Crane, origin: Origin, wish: Wish) -> None:
        self.origin = origin
        self.error = ""
        self._crane = crane
        self._wish = wish
        self._pieces: queue.Queue[list[Line] | None] = queue.Queue(_AHEAD)
        self._first: list[Line] | None = None
        self._begun = False
        self._closed = threading.Event()
        self._stream: ByteStream | None = None
        threading.Thread(target=self._run, name=f"crane-past-{origin.name}", daemon=True).start()

    def wait(self, deadline: float, patience: float) -> None:
        """Wait for the first lines; whose Engine has sent none by then, after so many seconds, is told as missing."""
        try:
            self._first = self._pieces.get(timeout=max(0.0, deadline - time.monotonic()))
            self._begun = True
        except queue.Empty:
            self.error = f"The Engine of {self.origin.node} did not answer within {patience:g} s."
            self.close()

    def lines(self) -> Iterator[Line]:
        """Yield the lines in their order."""
        lines = self._first if self._begun else None
        while lines is not None:
            yield from lines
            try:
                lines = self._pieces.get(timeout=STALL_SECONDS)
            except queue.Empty:
                self.error = f"The Engine of {self.origin.node} broke off what it sent."
                self.close()
                return

    def close(self) -> None:
        """Read no further."""
        self._closed.set()
        if self._stream is not None:
            self._stream.close()
        while not self._pieces.empty():
            # Whoever waits for room goes on, and sees that it is over.
            self._pieces.get_nowait()

    def _run(self) -> None:
        try:
            self._read()
        except NotFound:
            # Its container was removed, and what it printed with it.
            pass
        except CraneError as error:
            self.error = self.error or str(error)
        self._put(None)

    def _read(self) -> None:
        self._stream = stream = ask(self._crane, self.origin, self._wish).stream
        reader = LineReader()
        try:
            for piece in stream:
                if self._closed.is_set():
                    return
                if lines := self._within(reader.feed(piece)):
                    self._put(lines)
            self._put(self._within(reader.end()))
        finally:
            stream.close()
        if reader.said:
            raise EngineUnavailable(f"The managers cannot pass on what {self.origin.name} printed: {reader.said}.")

    def _within(self, lines: list[Line]) -> list[Line]:
        """Keep what is wished for: managers know no end of what is asked for."""
        until, since = self._wish.until, self._wish.since
        if not (until or since):
            return lines
        return [line for line in lines if since <= line.stamp and (not until or line.stamp <= until)]

    def _put(self, lines: list[Line] | None) -> None:
        if not self._closed.is_set():
            self._pieces.put(lines)
