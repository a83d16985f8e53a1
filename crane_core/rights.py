"""Rights: word that what somebody may do, or what proves who they are, may have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Rights:
    """Passes on that rights changed, so that what is open is decided anew at once: sockets, streams, what is kept.

    Whoever keeps a decision, or who somebody is, keeps the version beside it, and asks anew when that moved.
    """

    def __init__(self) -> None:
        self.version = 0
        self._counting = threading.Lock()
        self._spread: list[Callable[[], None]] = []
        self._told: list[Callable[[], None]] = []

    def changed(self) -> None:
        """Say that somebody's rights, or what proves who they are, changed here; other servers are told too.

        Called after the change is kept, so that whoever asks anew finds it. Changes nothing by itself.
        """
        self.noticed()
        for spread in self._spread:
            spread()

    def noticed(self) -> None:
        """Say on this server only that rights changed: because another server said so, or they are told already."""
        with self._counting:
            self.version += 1
        for tell in self._told:
            tell()

    def spread_by(self, spread: Callable[[], None]) -> None:
        """Have other servers told by a function, which plugins that share a database give."""
        self._spread.append(spread)

    def tell(self, listener: Callable[[], None]) -> None:
        """Call a function whenever rights changed, on the thread where that was noticed; it must return at once."""
        self._told.append(listener)
