"""What can go wrong with quotas."""

from __future__ import annotations

from crane_core.errors import Conflict, NotFound


class QuotaNotFound(NotFound):
    """There is no such quota."""

    code, title = "quota-not-found", "There is no such quota."


class QuotaExists(Conflict):
    """Another quota has this name."""

    code, title = "quota-exists", "There is a quota of this name already."
