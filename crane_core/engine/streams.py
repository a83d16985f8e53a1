"""One stream, many readers: what comes is kept in numbered parts, as much as was allowed.

Whoever hands over a part never waits for readers. A reader goes on from the part that it saw last; where that is no
longer kept, it is told how much it lost. A stream that several want is open for as long as one of them is there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Part = TypeVar("Part")
Key = TypeVar("Key", bound=Hashable)


class Closable(Protocol):
    """What is open, and can be closed."""

    def close(self) -> None:
        """End it; does not wait for long."""


Opened = TypeVar("Opened", bound=Closable)


@dataclass(frozen=True)
class _Kept(Generic[Part]):
    part: Part
    size: int
    # How much there was in all parts before this one, and with it.
    before: int
    after: int


class Fan(Generic[Part]):
    """Keeps the newest parts of a stream for its readers.

    :param most: How many bytes are kept; the newest part is kept whatever its size.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: deque[_Kept[Part]] = deque()
        self._first = 0
        self._size = 0
        self._counted = 0
        self._news = threading.Condition()
        self._bells: dict[Callable[[], None], int] = {}
        self.ended = False

    def put(self, part: Part, count: int, size: int) -> None:
        """Hand over the next part; returns at once.

        :param count: How much is in it, in what readers count by, such as lines.
        :param size: About how many bytes it takes.
        """
        with self._news:
            self._parts.append(_Kept(part, size, self._counted, self._counted + count))
            self._counted += count
            self._size += size
            while self._size > self._most and len(self._parts) > 1:
                self._size -= self._parts.popleft().size
                self._first += 1
            self._news.notify_all()
            bells = list(self._bells)
        for ring in bells:
            ring()

    def end(self) -> None:
        """Say that nothing more comes."""
        with self._news:
            self.ended = True
            self._news.notify_all()
            bells = list(self._bells)
        for ring in bells:
            ring()

    def read(self, ring: Callable[[], None] | None = None) -> FanReader[Part]:
        """Begin to read what comes from now on.

        :param ring: Called whenever something came; it must not wait. Several readers may share one.
        """
        return FanReader(self, ring)


class FanReader(Generic[Part]):
    """Somebody who reads a stream, at their own pace."""

    def __init__(self, fan: Fan[Part], ring: Callable[[], None] | None) -> None:
        self._fan = fan
        self._ring = ring
        with fan._news:
            self._next = fan._first + len(fan._parts)
            self._counted = fan._counted
            if ring is not None:
                fan._bells[ring] = fan._bells.get(ring, 0) + 1

    @property
    def behind(self) -> bool:
        """Whether something that was not read yet is kept no more."""
        return self._next < self._fan._first

    def take(self, timeout: float = 0.0, most: int = 64) -> tuple[int, list[Part]]:
        """Return how much was lost, and the parts that came since, the oldest first.

        :param timeout: How long to wait for the first of them, in seconds.
        :param most: How many parts are returned.
        """
        fan = self._fan
        deadline = time.monotonic() + timeout
        with fan._news:
            while self._next >= fan._first + len(fan._parts) and not fan.ended:
                left = deadline - time.monotonic()
                if left <= 0 or not fan._news.wait(left):
                    break
            lost = 0
            if self._next < fan._first:
                lost = fan._parts[0].before - self._counted
                self._next = fan._first
            start = self._next - fan._first
            kept = [fan._parts[at] for at in range(start, min(start + most, len(fan._parts)))]
            self._next += len(kept)
            self._counted = kept[-1].after if kept else self._counted + lost
            return lost, [each.part for each in kept]

    def close(self) -> None:
        """Read no more."""
        with self._fan._news:
            if self._ring is not None and self._ring in self._fan._bells:
                self._fan._bells[self._ring] -= 1
                if not self._fan._bells[self._ring]:
                    del self._fan._bells[self._ring]
            self._ring = None


class Shared(Generic[Key, Opened]):
    """What several use together: opened for the first, closed after the last.

    :param open_: Opens it; quick.
    """

    def __init__(self, open_: Callable[[Key], Opened]) -> None:
        self._open = open_
        self._lock = threading.Lock()
        self._opened: dict[Key, tuple[Opened, int]] = {}

    def __len__(self) -> int:
        return len(self._opened)

    def __iter__(self) -> Iterator[Opened]:
        with self._lock:
            return iter([opened for opened, _ in self._opened.values()])

    def borrow(self, key: Key) -> Opened:
        """Return what is open for a key, opened if need be; each who borrows gives it back once."""
        with self._lock:
            opened, users = self._opened.get(key) or (self._open(key), 0)
            self._opened[key] = opened, users + 1
            return opened

    def give_back(self, key: Key) -> None:
        """Need it no more."""
        with self._lock:
            opened, users = self._opened[key]
            if users > 1:
                self._opened[key] = opened, users - 1
                return
            del self._opened[key]
        opened.close()

    @contextlib.contextmanager
    def borrowed(self, key: Key) -> Iterator[Opened]:
        """Borrow it while a block runs."""
        opened = self.borrow(key)
        try:
            yield opened
        finally:
            self.give_back(key)

    def close(self) -> None:
        """Close everything that is open, whoever uses it."""
        for opened in self:
            opened.close()
