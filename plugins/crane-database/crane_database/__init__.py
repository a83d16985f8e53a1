"""The database: one session for all plugins, their migrations, backups, and leases.

What other plugins use of it stands here, by name. SQLAlchemy is imported when the first of these names is asked for:
that takes longer than importing the rest of the server, and most commands need no database.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
import flask

from crane_core.context import get_crane
from crane_core.contributions import Action, Column, HealthCheck, Loop, Metric, Page, Setting
from crane_core.hookspecs import hookimpl
from crane_database import hookspecs
from crane_database.commands import db as db_commands
from crane_database.contributions import BackupFiles, Migrations
from crane_database.routes import blueprint

if TYPE_CHECKING:
    import threading

    import sqlalchemy as sa
    from alembic import op
    from sqlalchemy import (
        JSON,
        BigInteger,
        Boolean,
        CheckConstraint,
        Float,
        ForeignKey,
        Index,
        Integer,
        LargeBinary,
        String,
        Text,
        UniqueConstraint,
        and_,
        delete,
        exists,
        func,
        insert,
        or_,
        select,
        update,
    )
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.orm import Mapped, mapped_column, relationship

    from crane_database.connecting import explain
    from crane_database.leases import Lease, current_lease
    from crane_database.models import Model, UtcDateTime, db
    from crane_database.operations import answering
    from crane_database.seals import NoSealKey, OtherSealKey, Seal, SealAltered
    from crane_database.sessions import session
    from crane_database.staging import Staged

_OFFERED = {
    "crane_database.connecting": ("explain",),
    "crane_database.leases": ("Lease", "current_lease"),
    "crane_database.models": ("Model", "UtcDateTime", "db"),
    "crane_database.operations": ("answering",),
    "crane_database.seals": ("NoSealKey", "OtherSealKey", "Seal", "SealAltered"),
    "crane_database.sessions": ("session",),
    "crane_database.staging": ("Staged",),
    "sqlalchemy": (
        "JSON",
        "BigInteger",
        "Boolean",
        "CheckConstraint",
        "Float",
        "ForeignKey",
        "Index",
        "Integer",
        "LargeBinary",
        "String",
        "Text",
        "UniqueConstraint",
        "and_",
        "delete",
        "exists",
        "func",
        "insert",
        "or_",
        "select",
        "update",
    ),
    "sqlalchemy.exc": ("IntegrityError",),
    "sqlalchemy.orm": ("Mapped", "mapped_column", "relationship"),
    "alembic": ("op",),
}
_WHERE = {name: module for module, names in _OFFERED.items() for name in names}

__all__ = [
    "JSON",
    "BackupFiles",
    "BigInteger",
    "Boolean",
    "CheckConstraint",
    "Float",
    "ForeignKey",
    "Index",
    "Integer",
    "IntegrityError",
    "LargeBinary",
    "Lease",
    "Mapped",
    "Migrations",
    "Model",
    "NoSealKey",
    "OtherSealKey",
    "Seal",
    "SealAltered",
    "Staged",
    "String",
    "Text",
    "UniqueConstraint",
    "UtcDateTime",
    "and_",
    "answering",
    "current_lease",
    "db",
    "delete",
    "exists",
    "explain",
    "func",
    "insert",
    "mapped_column",
    "op",
    "or_",
    "relationship",
    "sa",
    "select",
    "session",
    "update",
]


def __getattr__(name: str) -> Any:
    """Import what other plugins use when they do."""
    if name == "sa":
        return import_module("sqlalchemy")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


@hookimpl
def crane_hookspecs() -> ModuleType:
    return hookspecs


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting(
        "database.url",
        str,
        "",
        "The database: postgresql://user:password@host/name, or sqlite:////path; a SQLite file in the data directory "
        "when empty.",
        secret=True,
    )
    yield Setting("database.connections", int, 20, "How many connections there are at the most.")
    yield Setting(
        "database.lease_seconds", float, 15.0, "How long another server waits before it takes over, in seconds."
    )
    yield Setting(
        "database.backup_passphrase", str, "", "What backups are encrypted with; asked for when empty.", secret=True
    )


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("database:read", "See where the database is, its tables, leases and the last backup.")


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield blueprint


@hookimpl
def crane_pages() -> Iterator[Page]:
    yield Page(
        "/database",
        "Database",
        "system",
        "database:read",
        source="/api/v1/database/plugins",
        columns=(
            Column("name", "Plugin", link="/plugins/{name}"),
            Column("state", "State", kind="state"),
            Column("revision", "Revision"),
            Column("pending", "Pending", kind="number"),
            Column("tables", "Tables", kind="list"),
        ),
        words={
            "zh-CN": {
                "Database": "数据库",
                "Plugin": "插件",
                "State": "状态",
                "Revision": "版本",
                "Pending": "待升级",
                "Tables": "数据表",
            }
        },
    )


@hookimpl
def crane_commands() -> Iterator[click.Command]:
    yield db_commands


@hookimpl
def crane_health_checks() -> Iterator[HealthCheck]:
    from crane_database.watching import check

    yield HealthCheck("database", check)


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    from crane_database.watching import metrics

    yield from metrics()


@hookimpl
def crane_loops() -> Iterator[Loop]:
    from crane_database.watching import Watch

    yield Loop("database.watch", lambda stop: get_crane().room(Watch).run(stop))


@hookimpl
def crane_database_migrations() -> Iterator[Migrations]:
    yield Migrations("crane_database.models", "crane_database.migrations")


@hookimpl
def crane_database_backup_files() -> Iterator[BackupFiles]:
    # Of the core, which cannot say so itself: it does not know whether there is a database.
    yield BackupFiles("operations/*.json")


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    from crane_database.connecting import connect
    from crane_database.staging import Staged
    from crane_database.upgrading import upgrade

    crane = app.extensions["crane"]
    connect(app)
    crane.room(Staged).restore()
    upgrade(crane)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    from crane_database.connecting import disconnect

    disconnect(app)


@hookimpl
def crane_wait() -> None:
    # Nobody can have begun a session while nothing that begins one is imported.
    if flask.has_app_context() and (models := sys.modules.get("crane_database.models")):
        models.db.session.remove()


@hookimpl
def crane_run_once(loop: Loop, stop: threading.Event) -> bool:
    from crane_database.leases import run_with_lease

    run_with_lease(loop, stop)
    return True
