"""Keeping the directory: read from the database, changed under one lock, noticed when another server changed it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from crane_database import Model, answering, explain, sa, select, session, update

from crane_accounts.directory import (
    Account,
    AccountKind,
    Directory,
    Effect,
    Grant,
    Group,
    Membership,
    Role,
    Scope,
    ScopeKind,
)
from crane_accounts.errors import LastAdmin
from crane_accounts.models import AccountRow, GrantRow, GroupRow, MemberRow, RoleRow, StateRow
from crane_core.context import Crane, get_crane

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

# How often it is asked whether another server changed something, in seconds.
LOOK_SECONDS = 0.3
# How long a database that does not answer is left alone, in seconds.
REST_SECONDS = 2.0
# Made once: making it takes longer than asking it, which is done all the time.
_VERSION = select(StateRow.version).where(StateRow.id == 1)
ATTEMPTS = 5


class Directories:
    """The room of one server that holds its directory."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._lock = threading.Lock()
        # One at a time asks what is new: what this server itself announces is no news to it, and who has looked knows
        # that all were told.
        self._looking = threading.Lock()
        self._current: Directory | None = None

    @property
    def current(self) -> Directory:
        """The directory as this server knows it."""
        return self._current or self.refresh()

    def refresh(self) -> Directory:
        """Read the directory anew if it has changed, and return it."""
        with answering(), session() as database:
            version = _read_version(database)
            with self._lock:
                known = self._current
            if known is not None and known.version == version:
                return known
            return self._publish(read_directory(database))

    def _publish(self, directory: Directory) -> Directory:
        """Use a directory from now on, unless a newer one is known already; return the one in use."""
        with self._lock:
            if self._current is not None and self._current.version >= directory.version:
                return self._current
            first = self._current is None
            self._current = directory
        if not first:
            self._crane.rights.noticed()
        return directory

    @contextmanager
    def changing(self) -> Iterator[tuple[Any, Directory]]:
        """Change something: yields a session, and the directory as it is before; committed and in use at the end.

        Nobody else changes anything meanwhile, on any server, so that what was looked up stays true.

        :raises LastAdmin: when nobody would be left who may do everything; nothing is changed then.
        """
        with answering(), session() as database:
            _lock(database)
            before = read_directory(database)
            yield database, before
            database.flush()
            after = read_directory(database)
            if before.admins and not after.admins:
                raise LastAdmin("Somebody must be left who may do everything: make another user admin first.")
            database.commit()
            self._publish(after)

    def announce(self) -> None:
        """Have other servers know that rights changed, although nothing did in the directory."""
        with self._looking:
            with answering(), session() as database:
                _lock(database)
                version = _read_version(database)
                database.commit()
            with self._lock:
                known = self._current
                if known is not None and known.version == version - 1:
                    # Nothing else changed between, so that it need not be read again.
                    self._current = replace(known, version=version)

    def run(self, stop: threading.Event) -> None:
        """Notice what other servers change, until told to stop."""
        pause = LOOK_SECONDS
        while not stop.wait(pause):
            pause = LOOK_SECONDS
            try:
                self.look()
            except sa.exc.SQLAlchemyError as error:
                # What is known stays in use: a database that is away for a moment shuts nobody out.
                log.warning("It cannot be seen whether rights changed: %s", explain(error))
                pause = REST_SECONDS

    def look(self) -> None:
        """Notice what other servers changed."""
        with self._looking, session() as database:
            version = _read_version(database)
            with self._lock:
                known = self._current.version if self._current else None
            if version != known:
                self._publish(read_directory(database))


def directories() -> Directories:
    """Return the room of the current server that holds its directory."""
    return get_crane().room(Directories)


def _lock(database: Any) -> None:
    """Hold the one row that whoever changes something has to hold, and count the change."""
    database.execute(update(StateRow).where(StateRow.id == 1).values(version=StateRow.version + 1))


def _read_version(database: Any) -> int:
    return int(database.scalar(_VERSION) or 0)


def read_directory(database: Any) -> Directory:
    """Read the whole directory as it is at one moment, although each table is read for itself."""
    for _ in range(ATTEMPTS):
        directory = _read(database)
        if _read_version(database) == directory.version:
            return directory
    # There is always somebody who changes something: they have to wait for once.
    _lock(database)
    directory = _read(database)
    database.rollback()
    return replace(directory, version=directory.version - 1)


def _read(database: Any) -> Directory:
    version = _read_version(database)

    def rows(model: type[Model], *order: Any) -> Any:
        return database.execute(select(*model.__table__.columns).order_by(*order))

    return Directory(
        version,
        {row.id: account_of(row) for row in rows(AccountRow, AccountRow.name)},
        {row.id: Group(row.id, row.name, row.description, row.created_at) for row in rows(GroupRow, GroupRow.name)},
        tuple(
            Membership(row.group_id, row.account_id, row.source)
            for row in rows(MemberRow, MemberRow.group_id, MemberRow.account_id, MemberRow.source)
        ),
        {
            row.name: Role(row.name, frozenset(row.actions), row.description, created_at=row.created_at)
            for row in rows(RoleRow, RoleRow.name)
        },
        {row.id: _grant_of(row) for row in rows(GrantRow, GrantRow.id)},
    )


def account_of(row: Any) -> Account:
    """Return an account as it is handed out."""
    kind = cast(AccountKind, row.kind)
    return Account(row.id, row.name, kind, row.display_name, row.email, row.disabled, row.source, row.created_at)


def _grant_of(row: Any) -> Grant:
    scope = Scope(cast(ScopeKind, row.scope), row.pattern)
    effect = cast(Effect, row.effect)
    return Grant(row.id, effect, row.role, scope, row.account_id, row.group_id, row.created_by, row.created_at)


def start(app: Flask) -> None:
    """Read the directory, and have what changes elsewhere noticed here, and the other way round."""
    crane: Crane = app.extensions["crane"]
    room = crane.room(Directories)
    room.refresh()

    def spread() -> None:
        with app.app_context():
            room.announce()

    crane.rights.spread_by(spread)
