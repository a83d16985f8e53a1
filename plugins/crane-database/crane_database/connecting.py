"""Where the database is, and how it is spoken with.

SQLite runs with a write-ahead log, so that readers and the one writer do not wait for each other. A transaction that
writes takes the lock for writing at its first write, and not later when it could only fail; reading takes none.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from crane_core.context import Crane
from crane_core.errors import SetupError
from crane_core.redaction import hide_inside
from crane_database.errors import DatabaseUnavailable
from crane_database.models import db

log = logging.getLogger(__name__)

FILE_NAME = "crane.db"
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}


def find_url(crane: Crane) -> URL:
    """Return where the database of a server is.

    :raises SetupError: when the setting names none that can be used; what it says is not repeated, it may hold a
        password.
    """
    text = str(crane.settings["database.url"])
    if not text:
        return URL.create("sqlite", database=str(crane.data_directory / FILE_NAME))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The cause quotes the text.
        raise SetupError(
            "database.url is no address of a database. It looks like postgresql://user:password@host/name, or like "
            "sqlite:////path/crane.db; what is special in a password is percent-encoded."
        ) from None
    if url.drivername in _POSTGRESQL:
        if not url.database:
            raise SetupError("database.url names no database: it ends in the name, as in postgresql://host/crane.")
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise SetupError("database.url must name a file of SQLite, as in sqlite:////var/lib/crane/crane.db.")
        return url
    raise SetupError("database.url must begin with postgresql:// or sqlite:///; other databases are not supported.")


def describe_url(url: URL) -> str:
    """Say where a database is, without password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    where = url.host or str(url.query.get("host", "")) or "localhost"
    return f"{where}{f':{url.port}' if url.port else ''}/{url.database}"


def connect(app: Flask) -> None:
    """Give an application its database; once, and before it serves.

    :raises SetupError: when the database cannot be had.
    """
    if "sqlalchemy" in app.extensions:
        return
    crane: Crane = app.extensions["crane"]
    url = find_url(crane)
    most = crane.settings["database.connections"]
    if most < 2:
        raise SetupError("database.connections must be at least 2: loops need one besides the requests.")
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", url)
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {**_options(url), **_pool(most)})
    if url.get_backend_name() == "sqlite":
        _make_file(Path(str(url.database)))
    db.init_app(app)
    app.register_error_handler(OperationalError, _answer_without_database)
    app.register_error_handler(PoolExhausted, _answer_without_database)
    with app.app_context():
        prepare(db.engine)
        with reaching():
            db.engine.connect().close()


def _answer_without_database(error: Exception) -> ResponseReturnValue:
    """Answer a request that needed the database, and could not have it."""
    log.error("%s %s failed, because the database did.", request.method, request.path, exc_info=error)
    unavailable = DatabaseUnavailable("The database does not answer; the server's log says why. Try again.")
    # As every other error is told.
    return current_app.handle_user_exception(unavailable)


def disconnect(app: Flask) -> None:
    """Close all connections of an application."""
    if "sqlalchemy" in app.extensions:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def make_engine(url: URL) -> sa.Engine:
    """Make an engine of its own for a database, outside any application; for tools and tests."""
    if url.get_backend_name() == "sqlite" and url.database:
        _make_file(Path(url.database))
    engine = sa.create_engine(url, **_options(url))
    prepare(engine)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # The lock for writing is taken by the first statement that writes.
        return {"connect_args": {"timeout": BUSY_SECONDS, "isolation_level": "IMMEDIATE"}}
    arguments = {"connect_timeout": CONNECT_SECONDS, "application_name": "crane"}
    # A connection that the other side closed is noticed before it is used.
    return {"connect_args": arguments, "pool_pre_ping": True}


def _pool(most: int) -> dict[str, Any]:
    kept = min(5, most)
    return {"pool_size": kept, "max_overflow": most - kept, "pool_timeout": CONNECT_SECONDS}


def prepare(engine: sa.Engine) -> None:
    """Set what SQLite needs on each connection; nothing for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        write_ahead(connection)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "savepoint")
    def begin_before_savepoint(connection: sa.Connection, _name: str) -> None:
        # Outside a transaction a savepoint would begin one, and its release would commit it.
        if not _driver(connection).in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def write_ahead(connection: sqlite3.Connection) -> None:
    """Have a new file use a write-ahead log.

    SQLite does not wait for who does the same just now, as two servers that start at once do, whatever its timeout.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.driver_connection)


def _make_file(path: Path) -> None:
    """Make a file that only its owner reads; what SQLite writes beside it gets the same mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SetupError(f"The database {path} cannot be opened: {error.strerror or error}.") from error


@contextmanager
def reaching() -> Iterator[None]:
    """Turn what keeps a database from being used into one sentence, without password.

    :raises SetupError: instead of what SQLAlchemy and the drivers raise.
    """
    try:
        yield
    except SQLAlchemyError as error:
        # Not chained: what the driver was given stands in the frames of its traceback.
        raise SetupError(f"The database cannot be used: {explain(error)}") from None


def explain(error: SQLAlchemyError) -> str:
    """Say in one sentence what went wrong."""
    cause: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or [type(cause).__name__]
    # Hints stand in later lines; and where several addresses were tried, what each said.
    said = hide_inside(" ".join(lines[:2]) if lines[0].endswith(":") else lines[0])
    return said if said.endswith((".", "!", "?")) else f"{said}."


@contextmanager
def alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Have the database for oneself in one transaction, against other servers that would change tables.

    It is committed at the end, and rolled back when something is raised; changes of tables too. SQLite checks no
    foreign keys meanwhile, because changing a table means making it anew; they are all checked at the end.

    :raises SetupError: when foreign keys lead nowhere.
    """
    with engine.connect() as connection:
        lite = engine.dialect.name == "sqlite"
        try:
            if lite:
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('crane'), hashtext('migrations'))")
            yield connection
            if lite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone()):
                raise SetupError(f"A row of {lost[0]} refers to one of {lost[2]} that there is not.")
            connection.commit()
        finally:
            connection.rollback()
            if lite:
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")
                connection.rollback()
