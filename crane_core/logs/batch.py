"""A batch: what comes of a log at once, encoded no more than once for all who want the same of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar, cast

from crane_core.logs.entries import Entry, Printed

Made = TypeVar("Made")

# What an entry takes in memory besides its text, about, in bytes.
_OVERHEAD = 300


class Batch:
    """Some entries of a log, in their order."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.keys = frozenset(entry.origin.key for entry in entries)
        self.services = frozenset(entry.origin.service_id for entry in entries)
        # The stamp of the earliest line.
        self.oldest = min((entry.line.stamp for entry in entries if isinstance(entry, Printed)), default="~")
        self._made: dict[Hashable, object] = {}
        self._lock = threading.Lock()

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return sum(isinstance(entry, Printed) for entry in self.entries)

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        return sum(_OVERHEAD + (len(entry.line.text) if isinstance(entry, Printed) else 0) for entry in self.entries)

    def made(self, key: Hashable, make: Callable[[Sequence[Entry]], Made]) -> Made:
        """Return what is made of its entries; made for the first who asks, and kept for the others.

        :param key: What makes of the same entries the same.
        """
        with self._lock:
            if key not in self._made:
                self._made[key] = make(self.entries)
            return cast(Made, self._made[key])
