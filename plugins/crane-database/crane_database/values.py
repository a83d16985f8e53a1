"""Values of tables in a backup: as JSON that any database can be given back.

What JSON knows stands for itself; the rest is an object of one member that says what it is.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from crane_core.errors import SetupError

# The word for each kind, how it is written and how it is read.
_KINDS: dict[type, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    bytes: ("bytes", lambda value: base64.b64encode(value).decode(), base64.b64decode),
    # Databases that know no time zones keep UTC.
    datetime: ("moment", lambda value: _in_utc(value).isoformat(), datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    Decimal: ("decimal", str, Decimal),
    uuid.UUID: ("text", lambda value: value.hex, str),
}
_READ: dict[str, Callable[[str], Any]] = {word: read for word, _, read in _KINDS.values()}


def encode_row(table: str, row: Sequence[Any]) -> list[Any]:
    """Return the values of a row as JSON knows them.

    :raises SetupError: for a value of a kind that cannot be carried to another database.
    """
    return [value if value is None else _encode(table, value) for value in row]


def _encode(table: str, value: Any) -> Any:
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, memoryview):
        value = bytes(value)
    kind = _KINDS.get(type(value))
    if kind is None:
        raise SetupError(
            f"The table {table} holds a value of the type {type(value).__name__}, which no backup can hold."
        )
    word, write, _ = kind
    return {word: write(value)}


def decode(value: Any, column: sa.Column[Any]) -> Any:
    """Return a value for a column of another database."""
    if isinstance(value, dict):
        [(word, text)] = value.items()
        value = _READ[word](text)
    kind = column.type
    if isinstance(value, datetime) and isinstance(kind, sa.DateTime) and not kind.timezone:
        return value.replace(tzinfo=None)
    if isinstance(kind, sa.Uuid) and isinstance(value, str):
        return uuid.UUID(value)
    if isinstance(kind, sa.Boolean) and isinstance(value, int):
        return bool(value)
    return value


def reading(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Return how a column is read: JSON as the text that it is, because Python has no two kinds of null."""
    return sa.type_coerce(sa.cast(column, sa.Text), sa.Text) if isinstance(column.type, sa.JSON) else column


def writing(column: sa.Column[Any], dialect: str) -> Any:
    """Return the place of a column's value in an insert."""
    if not isinstance(column.type, sa.JSON):
        return sa.bindparam(column.name, type_=column.type)
    text = sa.bindparam(column.name, type_=sa.Text())
    return text if dialect == "sqlite" else sa.cast(text, column.type)


def to_line(record: Any) -> bytes:
    """Write a record as one line."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
