"""The time by which logins expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crane_core.context import Crane


class Clock:
    """The room of one server that tells the time.

    :param ahead: How far it runs before the clock of the machine; tests let hours go by with it.
    :param stands_at: Where the clock of the machine stands still; None while it runs, as it does but in tests.
    """

    def __init__(self, crane: Crane) -> None:
        self.ahead = timedelta()
        self.stands_at: datetime | None = None

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return (self.stands_at or datetime.now(UTC)) + self.ahead
