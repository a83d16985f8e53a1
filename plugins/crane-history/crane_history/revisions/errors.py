"""What can be wrong with a revision."""

from __future__ import annotations

from crane_core.errors import Conflict, NotFound


class RevisionNotFound(NotFound):
    """There is no such revision of this stack."""

    code, title = "revision-not-found", "There is no such revision."


class RevisionSealed(Conflict):
    """The key that a revision was sealed with is not here."""

    code, title = "revision-sealed", "The key of this revision is not here."
