"""The feed itself: numbers what happens, keeps the last of it, and lets many wait for more."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

from crane_core.context import Crane
from crane_core.monitoring.feed.model import LOST, Draft, Entry, LostCode, UnknownCursor, read_cursor, write_cursor
from crane_core.security import Target

# However many entries may be kept, they take no more memory than this, in bytes of their text.
MOST_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Place:
    """Where somebody goes on.

    :param number: The last entry that they have.
    :param lost: An entry for them alone that says what they missed; None when nothing.
    """

    number: int
    lost: Entry | None = None


class Feed:
    """The room of one server that holds what happened last."""

    def __init__(self, crane: Crane) -> None:
        self._most = int(crane.settings["monitoring.events_kept"])
        # A server that starts anew counts anew, and must not take an old cursor for one of its own.
        self.epoch = secrets.token_hex(4)
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._last = 0
        self._changed = threading.Condition()
        self._closed = False

    def add(self, draft: Draft) -> Entry:
        """Give something that happened its place."""
        with self._changed:
            self._last += 1
            entry = Entry.of(draft, self._last, self.epoch)
            self._entries.append(entry)
            self._bytes += entry.size
            while len(self._entries) > self._most or self._bytes > MOST_BYTES:
                self._bytes -= self._entries.popleft().size
            self._changed.notify_all()
        return entry

    def close(self) -> None:
        """Let nobody wait any more: the server stops."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the server stops."""
        return self._closed

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 before the first."""
        return self._last

    @property
    def bytes(self) -> int:
        """How many bytes the texts of what is kept have."""
        return self._bytes

    @property
    def cursor(self) -> str:
        """The cursor of the newest entry."""
        return write_cursor(self.epoch, self._last)

    def find(self, cursor: str) -> Place:
        """Find where somebody goes on who shows a cursor.

        :raises UnknownCursor: when it is none, or one of what has not happened yet.
        """
        epoch, number = read_cursor(cursor)
        with self._changed:
            first = self._entries[0].number if self._entries else self._last + 1
            if epoch != self.epoch:
                return Place(first - 1, self._tell_lost("server-restarted", None, first))
            if number > self._last:
                raise UnknownCursor(f"The cursor {cursor} is one of what has not happened yet.")
            if number < first - 1:
                return Place(first - 1, self._tell_lost("cursor-too-old", first - 1 - number, first))
            return Place(number)

    def after(self, number: int) -> list[Entry]:
        """Return what came after an entry, the oldest first."""
        with self._changed:
            came = list(takewhile(lambda entry: entry.number > number, reversed(self._entries)))
        return came[::-1]

    def newest_first(self, before: int | None = None) -> Iterator[Entry]:
        """Yield what is kept, the newest first; only what came before an entry when told so."""
        with self._changed:
            entries: Sequence[Entry] = tuple(self._entries)
        return (entry for entry in reversed(entries) if before is None or entry.number < before)

    def wait(self, number: int, timeout: float) -> None:
        """Wait until there is more than an entry, the server stops, or so many seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._last > number, timeout)

    def _tell_lost(self, code: LostCode, count: int | None, first: int) -> Entry:
        text = {
            "cursor-too-old": f"{count} events are not kept any more.",
            "server-restarted": "The server was started anew, or is another one; what happened before is not known.",
            "node-unreachable": "",
        }[code]
        detail = {"code": code, "text": text, "lost": count}
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return Entry.of(Draft(now, "crane", LOST, Target("event"), detail=detail), first - 1, self.epoch)
