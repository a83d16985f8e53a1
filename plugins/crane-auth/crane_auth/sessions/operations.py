"""Sessions: begun by a login, ended by a logout, by somebody who revokes them, or by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crane_accounts import Account, account_by_id
from crane_database import answering, delete, or_, select, session

from crane_auth.clock import Clock
from crane_auth.digests import SESSION, digest, is_id, make_id, make_secret
from crane_auth.errors import SessionNotFound
from crane_auth.models import SessionRow
from crane_core.context import Crane
from crane_core.events import Event
from crane_core.security import Target


@dataclass(frozen=True)
class Origin:
    """Where a request comes from: its address, and what its sender says to be."""

    address: str
    device: str


@dataclass(frozen=True)
class Begun:
    """A session that has begun; its secret is given out this once."""

    id: str
    secret: str
    expires_at: datetime


def begin(crane: Crane, account: Account, method: str, origin: Origin) -> Begun:
    """Begin a session."""
    now = crane.room(Clock).now()
    begun = Begun(make_id(), make_secret(SESSION), now + timedelta(hours=crane.settings["auth.session_hours"]))
    with answering(), session() as database:
        database.add(
            SessionRow(
                id=begun.id,
                digest=digest(begun.secret),
                account_id=account.id,
                method=method[:100],
                address=origin.address[:100],
                device=origin.device[:200],
                created_at=now,
                used_at=now,
                expires_at=begun.expires_at,
            )
        )
        database.commit()
    return begun


def end(crane: Crane, secret: str) -> None:
    """End a session by its secret; nothing happens when there is none."""
    with answering(), session() as database:
        ended = database.execute(delete(SessionRow).where(SessionRow.digest == digest(secret)))
        database.commit()
    if ended.rowcount:  # type: ignore[attr-defined]
        crane.rights.changed()


def end_by_id(crane: Crane, session_id: str) -> None:
    """End a session by its id; nothing happens when there is none."""
    with answering(), session() as database:
        database.execute(delete(SessionRow).where(SessionRow.id == session_id))
        database.commit()
    crane.rights.changed()


def revoke(crane: Crane, session_id: str, by: str, *, account_id: int | None = None) -> None:
    """Revoke a session; what it holds open is closed within a second, on every server.

    :param account_id: Whose it must be.
    :raises SessionNotFound: when there is none, or it is another's.
    """
    wanted = delete(SessionRow).where(SessionRow.id == session_id)
    if account_id is not None:
        wanted = wanted.where(SessionRow.account_id == account_id)
    with answering(), session() as database:
        found = database.execute(wanted.returning(SessionRow.account_id)).scalar() if is_id(session_id) else None
        database.commit()
    if found is None:
        raise SessionNotFound
    crane.rights.changed()
    account = account_by_id(found)
    crane.emit(Event("session.revoked", account.name if account else "", session_id, by=by))


def revoke_all(crane: Crane, account_id: int, *, but: str = "") -> None:
    """Revoke all sessions of somebody, but for one."""
    with answering(), session() as database:
        database.execute(delete(SessionRow).where(SessionRow.account_id == account_id, SessionRow.id != but))
        database.commit()
    crane.rights.changed()


def list_sessions(crane: Crane, account_id: int | None = None) -> list[dict[str, Any]]:
    """List the sessions that go on, of somebody or of all; the one used last comes first."""
    wanted = select(SessionRow).order_by(SessionRow.used_at.desc(), SessionRow.id)
    if account_id is not None:
        wanted = wanted.where(SessionRow.account_id == account_id)
    now = crane.room(Clock).now()
    with answering(), session() as database:
        rows: Sequence[SessionRow] = database.scalars(wanted).all()
        return [present(crane, row) for row in rows if not is_over(crane, row, now)]


def present(crane: Crane, row: SessionRow) -> dict[str, Any]:
    """Return what is shown of a session."""
    account = account_by_id(row.account_id)
    return {
        "id": row.id,
        "name": account.name if account else "",
        "method": row.method,
        "address": row.address,
        "device": row.device,
        "created_at": row.created_at,
        "used_at": row.used_at,
        "expires_at": min(row.expires_at, row.used_at + idle(crane)),
    }


def idle(crane: Crane) -> timedelta:
    """Return after how long without use a session is over."""
    return timedelta(minutes=crane.settings["auth.session_idle_minutes"])


def is_over(crane: Crane, row: SessionRow, now: datetime) -> bool:
    """Tell whether a session has expired: it was begun too long ago, or not used for long."""
    return now >= min(row.expires_at, row.used_at + idle(crane))


def find_target(session_id: str) -> Target:
    """Find a session, to decide on what may be done to it.

    :raises SessionNotFound: when there is none.
    """
    with answering(), session() as database:
        row = database.get(SessionRow, session_id) if is_id(session_id) else None
        if row is None:
            raise SessionNotFound
        account = account_by_id(row.account_id)
    return Target("session", account.name if account else "", session_id)


def target_of(row: Mapping[str, Any]) -> Target:
    """Return what is decided on for a session of a list."""
    return Target("session", row["name"], row["id"])


def forget(crane: Crane) -> None:
    """Forget sessions that have expired."""
    now = crane.room(Clock).now()
    with session() as database:
        database.execute(
            delete(SessionRow).where(or_(SessionRow.expires_at <= now, SessionRow.used_at <= now - idle(crane)))
        )
        database.commit()
