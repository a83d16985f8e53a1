"""The tables of the revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crane_database import JSON, LargeBinary, Mapped, Model, String, Text, UniqueConstraint, mapped_column


class RevisionRow(Model):
    """A deployment of a stack: what was sent, what it changed, and how it ended.

    What was sent is there twice: sealed, to be deployed again, and with its secrets hidden, to be shown.
    """

    __tablename__ = "history_revision"
    __table_args__ = (UniqueConstraint("stack", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    stack: Mapped[str] = mapped_column(String(100))
    number: Mapped[int]
    operation: Mapped[str] = mapped_column(String(64), unique=True)
    by: Mapped[str] = mapped_column(String(255))
    at: Mapped[datetime] = mapped_column(index=True)
    # The earlier revision of which this is a deployment again.
    same_as: Mapped[int | None]
    # What each of these is: crane_history.revisions.shown.
    shown: Mapped[dict[str, Any]] = mapped_column(JSON)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    # A fingerprint of all that was sent; nobody without the key can make one.
    mark: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    cause: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(JSON)
