"""What can go wrong with a directory."""

from __future__ import annotations

from crane_core.errors import CraneError


class DirectoryUnavailable(CraneError):
    """The directory cannot be asked, so that nobody can log in by it; other ways to log in go on."""

    status, code, title = 503, "directory-unavailable", "The directory does not answer. Try again, or log in otherwise."
