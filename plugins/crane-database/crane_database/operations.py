"""What there is to know of the database of a server, and its checks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from crane_core.context import Crane
from crane_database.connecting import describe_url, explain
from crane_database.errors import DatabaseUnavailable
from crane_database.leases import list_leases
from crane_database.lines import Standing, find_lines, read_standings, tables_of
from crane_database.models import BackupRow, db
from crane_database.watching import read_size


@contextmanager
def answering() -> Iterator[None]:
    """Turn a database that does not answer into an error that callers understand."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(f"The database does not answer: {explain(error)}") from error


def describe(crane: Crane) -> dict[str, Any]:
    """Describe the database: what it is, where, how large, its tables, the last backup, leases."""
    with answering():
        backup = db.session.scalar(sa.select(BackupRow).order_by(BackupRow.id.desc()).limit(1))
        return {
            "kind": db.engine.dialect.name,
            "where": describe_url(db.engine.url),
            "size": read_size(db.session.connection()),
            "plugins": describe_tables(crane),
            "backup": {"made_at": backup.made_at, "bytes": backup.bytes} if backup else None,
            "leases": list_leases(),
        }


def describe_tables(crane: Crane) -> list[dict[str, Any]]:
    """Describe the tables of each plugin."""
    lines = find_lines(crane.plugins)
    with answering():
        connection = db.session.connection()
        names = sa.inspect(connection).get_table_names()
        return [
            _describe_standing(standing, tables_of(standing.line, lines, names))
            for standing in read_standings(connection, lines)
        ]


def _describe_standing(standing: Standing, tables: list[str]) -> dict[str, Any]:
    return {
        "name": standing.line.plugin,
        "state": standing.state,
        "revision": standing.revision,
        "head": standing.line.head,
        "pending": len(standing.pending),
        "tables": tables,
    }


def find_damage(connection: sa.Connection) -> str:
    """Look through the whole database; return what is wrong with it, nothing when all is well."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SELECT 1")
        return ""
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    if found != "ok":
        return str(found)
    if lost := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone():
        return f"A row of {lost[0]} refers to one of {lost[2]} that there is not."
    return ""
