"""What can go wrong with a database."""

from __future__ import annotations

from crane_core.errors import Conflict, CraneError


class DatabaseUnavailable(CraneError):
    """The database does not answer."""

    status, code, title = 503, "database-unavailable", "The database does not answer."


class LeaseLost(Conflict):
    """Somebody else holds the lease meanwhile, so that nothing more may be written in its name."""

    code, title = "lease-lost", "Another server does this now."
