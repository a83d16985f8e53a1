"""Merging what several containers print into one log, in the order of time, as it comes.

Lines of different nodes arrive a little late and not in their order, so that each is held back for a moment. Of one
container the order is never changed, whatever its stamps say.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from crane_core.logs.entries import Entry, Printed, Told
from crane_core.logs.lines import Line
from crane_core.logs.origins import Origin

# How long a line waits for earlier ones, in seconds.
WINDOW_SECONDS = 0.25
# With more than this no line waits.
MOST_HELD = 20_000


class Merger:
    """Holds entries back for a moment, and gives them out in the order of time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[tuple[str, int, float, Entry]] = []
        self._last: dict[str, str] = {}
        self._count = 0

    @property
    def waiting(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def put(self, origin: Origin, lines: Iterable[Line], now: float) -> None:
        """Take lines of one container, in their order."""
        with self._lock:
            last = self._last.get(origin.key, "")
            for line in lines:
                # A clock that was set back must not put a line before the one that was printed before it.
                last = max(last, line.stamp)
                self._count += 1
                self._held.append((last, self._count, now, Printed(origin, line)))
            self._last[origin.key] = last

    def tell(self, told: Told, now: float) -> None:
        """Take what became of a container; it comes after the lines that it printed so far."""
        with self._lock:
            self._count += 1
            self._held.append((self._last.get(told.origin.key, ""), self._count, now, told))

    def forget(self, key: str) -> None:
        """Forget a container that prints no more."""
        with self._lock:
            self._last.pop(key, None)

    def take(self, now: float, *, hurry: bool) -> list[Entry]:
        """Return the entries that have waited long enough, with all that belong before them.

        :param hurry: Whether there is nothing to wait for, because only one container prints.
        """
        with self._lock:
            held = self._held
            held.sort(key=lambda each: each[:2])
            if hurry or len(held) > MOST_HELD:
                due = len(held)
            else:
                ripe = now - WINDOW_SECONDS
                due = next((at + 1 for at in range(len(held) - 1, -1, -1) if held[at][2] <= ripe), 0)
            self._held = held[due:]
            return [entry for *_, entry in held[:due]]
