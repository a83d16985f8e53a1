"""The base of all models, the session, and the tables of the database plugin itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Float, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# Constraints need names, because a migration that changes one has to name it.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: goes in with its time zone, comes back in UTC; SQLite, which knows no time zones, keeps it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what is stored.

        :raises ValueError: for a moment without time zone, which could be any of 26 hours.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone.")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what was stored, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Model(DeclarativeBase):
    """The base of every model of every plugin."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: Any = {datetime: UtcDateTime}  # noqa: RUF012 (as the base class declares it)


db = SQLAlchemy(metadata=Model.metadata)


class LeaseRow(Model):
    """Who may do what only one server does at a time, and until when."""

    __tablename__ = "database_lease"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    holder: Mapped[str] = mapped_column(String(200))
    # Rises with every change of the holder.
    fence: Mapped[int] = mapped_column(BigInteger)
    # In seconds since 1970, by the clock of the database.
    expires: Mapped[float] = mapped_column(Float(53))


class BackupRow(Model):
    """A backup that was made."""

    __tablename__ = "database_backup"

    id: Mapped[int] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    bytes: Mapped[int] = mapped_column(BigInteger)
