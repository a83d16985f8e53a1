"""Moments: the server's clock never goes back and says no date; what is answered has one."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from crane_core.context import Crane


def to_moment(crane: Crane, at: float) -> str:
    """Return a moment of the server's clock as RFC 3339 writes it."""
    seconds = at + find_epoch(crane)
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_epoch(crane: Crane) -> float:
    """Return what makes a moment of the server's clock one of the calendar's."""
    return time.time() - crane.cache.clock()
