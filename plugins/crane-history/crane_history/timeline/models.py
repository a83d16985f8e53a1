"""The tables of the timeline."""

from __future__ import annotations

from datetime import datetime

from crane_database import BigInteger, Mapped, Model, String, Text, mapped_column


class Line(Model):
    """One thing that happened; never changed, and removed only from the beginning."""

    __tablename__ = "history_line"

    # Without gaps, so that a removed line shows.
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(100))
    # What was asked for: a route, the kind of an operation, an action.
    what: Mapped[str] = mapped_column(String(200))
    # The object that it happened to; target is the kind of object.
    target: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(255))
    object_id: Mapped[str] = mapped_column(String(100))
    stack: Mapped[str | None] = mapped_column(String(100))
    by: Mapped[str] = mapped_column(String(200))
    by_kind: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(100))
    outcome: Mapped[str] = mapped_column(String(100))
    operation: Mapped[str] = mapped_column(String(50), index=True)
    # As canonical JSON, because the hash is made of these very characters.
    detail: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class Chain(Model):
    """Where the chain of lines begins and ends; one row, which whoever writes a line has to hold."""

    __tablename__ = "history_chain"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # The last line that was removed because it was old.
    removed_number: Mapped[int] = mapped_column(BigInteger)
    removed_hash: Mapped[str] = mapped_column(String(64))
    # The newest line.
    last_number: Mapped[int] = mapped_column(BigInteger)
    last_hash: Mapped[str] = mapped_column(String(64))
