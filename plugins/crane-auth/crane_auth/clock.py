"""The time by which logins expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crane_core.context import Crane


class Clock:
    """The room of one server that tells the time.

    :param ahead: How far it runs before the clock of the machine; tests let hours go by with it.
    """

    def __init__(self, crane: Crane) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return datetime.now(UTC) + self.ahead
