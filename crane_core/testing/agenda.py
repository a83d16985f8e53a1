"""The clock of an in-memory Swarm, and what is due at which moment of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count


class Agenda:
    """Keep the time, and do things when they are due, in order.

    Time stands still until :meth:`run_until` moves it. What is due at the same moment is done in the order in which it
    was planned, so the same calls always lead to the same state.
    """

    def __init__(self, start: float) -> None:
        self.now = start
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Plan something in so many seconds."""
        heapq.heappush(self._due, (self.now + max(0.0, seconds), next(self._order), act))

    def next_due(self) -> float | None:
        """Return the moment at which something is due next, None when nothing is planned."""
        return self._due[0][0] if self._due else None

    def run_until(self, moment: float) -> None:
        """Do everything that is due up to a moment, then set the time to it."""
        while self._due and self._due[0][0] <= moment:
            due, _, act = heapq.heappop(self._due)
            self.now = max(self.now, due)
            act()
        self.now = max(self.now, moment)

    def stamp(self) -> str:
        """Return the present moment as the Engine writes it (RFC 3339, nanoseconds)."""
        return f"{datetime.fromtimestamp(self.now, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
