"""Leases: what only one server does at a time, and who does it now.

A lease is a row with a holder, an end by the clock of the database, and a fence: a number that rises whenever somebody
takes it. Who was paused, and believes to hold a lease that another has by now, is refused by its fence.
"""

from __future__ import annotations

import contextvars
import logging
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from crane_core.context import Crane, get_crane
from crane_core.contributions import Loop
from crane_database.connecting import explain
from crane_database.errors import LeaseLost
from crane_database.models import LeaseRow, db
from crane_database.sessions import session

log = logging.getLogger(__name__)
_leases = LeaseRow.metadata.tables[LeaseRow.__tablename__]
_make_row = sa.text(
    "INSERT INTO database_lease (name, holder, fence, expires) VALUES (:name, '', 0, 0) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True)
class Lease:
    """A lease that was had when this was made; :meth:`confirm` tells whether it still is."""

    name: str
    holder: str
    fence: int

    def confirm(self) -> None:
        """Go on only while nobody else has taken the lease, and keep it so until the transaction ends.

        Call it in the transaction that writes what only the holder may write.

        :raises LeaseLost: when somebody has.
        """
        # A write that changes nothing: whoever wants to take the lease waits for the end of this transaction.
        if not db.session.connection().execute(_of(self).values(fence=_leases.c.fence)).rowcount:
            raise LeaseLost(f"The lease {self.name} of {self.holder} is over: another server has it now.")


_current: contextvars.ContextVar[Lease | None] = contextvars.ContextVar("crane_database_lease", default=None)


def current_lease() -> Lease:
    """Return the lease by which the current loop runs; for loops that are contributed with ``once``."""
    if (lease := _current.get()) is None:
        raise RuntimeError("Nothing here runs by a lease. Contribute the loop with once=True.")
    return lease


class Holder:
    """The room of one server that takes leases in its name."""

    def __init__(self, crane: Crane) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.seconds = float(crane.settings["database.lease_seconds"])
        # How often a lease is renewed, and asked for where another has it: thrice as often as needed, so that one
        # failure costs nothing.
        self.pause = self.seconds / 3

    def take(self, name: str) -> Lease | None:
        """Take a lease; None while somebody holds it."""
        with session() as database:
            connection = database.connection()
            known = sa.select(_leases.c.fence).where(_leases.c.name == name, _leases.c.expires >= Now())
            # Most servers only look, most of the time; looking takes no lock.
            if connection.execute(known).scalar() is not None:
                return None
            connection.execute(_make_row, {"name": name})
            taken = sa.update(_leases).where(_leases.c.name == name, _leases.c.expires < Now())
            changes = {"holder": self.name, "fence": _leases.c.fence + 1, "expires": Now() + self.seconds}
            fence = connection.execute(taken.values(changes).returning(_leases.c.fence)).scalar()
            database.commit()
        return None if fence is None else Lease(name, self.name, fence)

    def keep(self, lease: Lease) -> bool:
        """Hold a lease for longer; tell whether it could be: not when another took it."""
        return self._set_end(lease, Now() + self.seconds)

    def give_back(self, lease: Lease) -> None:
        """End a lease, so that others need not wait for its end."""
        self._set_end(lease, 0.0)

    @staticmethod
    def _set_end(lease: Lease, expires: Any) -> bool:
        with session() as database:
            changed = database.connection().execute(_of(lease).values(expires=expires)).rowcount
            database.commit()
        return bool(changed)


def _of(lease: Lease) -> sa.Update:
    return sa.update(_leases).where(_leases.c.name == lease.name, _leases.c.fence == lease.fence)


class Now(FunctionElement[float]):
    """The seconds since 1970 by the clock of the database, which is one for all servers."""

    type = sa.Float(53)
    inherit_cache = True


@compiles(Now, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Now, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    # Not now(), which is the beginning of the transaction.
    return "extract(epoch from clock_timestamp())::double precision"


def list_leases() -> list[dict[str, Any]]:
    """Return the leases that somebody holds, each with the seconds that are left."""
    left = (_leases.c.expires - Now()).label("left")
    rows = db.session.execute(sa.select(_leases.c.name, _leases.c.holder, _leases.c.fence, left).order_by("name"))
    return [
        {"name": row.name, "holder": row.holder, "fence": row.fence, "seconds": round(row.left, 1)}
        for row in rows
        if row.left > 0
    ]


# --- Loops --------------------------------------------------------------------------------------------------------


def run_with_lease(loop: Loop, stop: threading.Event) -> None:
    """Run a loop for as long as this server holds its lease; wait for the lease before, and again after it is lost.

    Returns when told to stop, or when the loop ends by itself; raises what the loop raises.
    """
    holder = get_crane().room(Holder)
    while not stop.is_set():
        try:
            lease = holder.take(loop.name)
        except SQLAlchemyError as error:
            log.warning("The lease of the loop %s cannot be asked for: %s", loop.name, explain(error))
            lease = None
        if lease is None:
            stop.wait(holder.pause)
        elif _run_while_held(loop, lease, holder, stop):
            return


def _run_while_held(loop: Loop, lease: Lease, holder: Holder, stop: threading.Event) -> bool:
    """Run a loop until it ends, or its lease does; tell whether the loop is done."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    keeping = _Keeping(app, holder, lease, stop)
    thread = threading.Thread(target=keeping.run, name=f"crane-{loop.name}-lease", daemon=True)
    thread.start()
    token = _current.set(lease)
    try:
        loop.run(keeping.over)
    finally:
        _current.reset(token)
        keeping.done.set()
        try:
            holder.give_back(lease)
        except SQLAlchemyError as error:
            log.warning("The lease of the loop %s cannot be given back: %s", loop.name, explain(error))
    return not keeping.lost


class _Keeping:
    """Keeps a lease while a loop runs, and tells the loop when it is over."""

    def __init__(self, app: Flask, holder: Holder, lease: Lease, stop: threading.Event) -> None:
        self.over, self.done, self.lost = threading.Event(), threading.Event(), False
        self._app, self._holder, self._lease, self._stop = app, holder, lease, stop

    def run(self) -> None:
        """Renew the lease again and again, and say when it is over."""
        pause = self._holder.pause
        held_until = time.monotonic() + self._holder.seconds
        while not self._stop.wait(pause) and not self.done.is_set():
            asked_at = time.monotonic()
            try:
                with self._app.app_context():
                    self.lost = not self._holder.keep(self._lease)
                held_until = asked_at + self._holder.seconds
            except SQLAlchemyError as error:
                log.warning("The lease of the loop %s cannot be renewed: %s", self._lease.name, explain(error))
                # Whether another has it cannot be known; before it could have, the loop must have stopped.
                self.lost = time.monotonic() + pause >= held_until
            if self.lost and not self.done.is_set():
                log.warning("The lease of the loop %s was lost; it stops here.", self._lease.name)
                break
        self.over.set()
