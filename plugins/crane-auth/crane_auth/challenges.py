"""Steps that wait: each is known by a secret that is good for a few minutes, and for one use on any server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crane_database import answering, delete, select, session

from crane_auth.clock import Clock
from crane_auth.digests import digest, make_secret
from crane_auth.errors import LoginExpired
from crane_auth.models import ChallengeRow
from crane_core.context import Crane

MINUTES = 5


@dataclass(frozen=True)
class Challenge:
    """A step that waits.

    :param secret: What names it; known to nobody but who takes the step.
    :param kind: Which step.
    :param account_id: Of whom; None while that is not known.
    :param data: What was found out so far.
    """

    secret: str
    kind: str
    account_id: int | None
    expires_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def issue(crane: Crane, kind: str, account_id: int | None, data: Mapping[str, Any], *, secret: str = "") -> Challenge:
    """Have a step wait.

    :param secret: What names it, where that was made before.
    """
    expires_at = crane.room(Clock).now() + timedelta(minutes=MINUTES)
    challenge = Challenge(secret or make_secret(), kind, account_id, expires_at, data)
    with answering(), session() as database:
        database.add(
            ChallengeRow(
                digest=digest(challenge.secret),
                kind=kind,
                account_id=account_id,
                data=dict(data),
                expires_at=expires_at,
            )
        )
        database.commit()
    return challenge


def look(crane: Crane, secret: str, kind: str) -> Challenge:
    """Return a step that waits, which goes on waiting.

    :raises LoginExpired: when there is none, or no more.
    """
    with answering(), session() as database:
        row = database.scalar(select(ChallengeRow).where(ChallengeRow.digest == digest(secret)))
        if row is None or row.kind != kind or row.expires_at <= crane.room(Clock).now():
            raise LoginExpired
        return Challenge(secret, row.kind, row.account_id, row.expires_at, row.data)


def take(crane: Crane, secret: str, kind: str) -> Challenge:
    """Return a step that waits, and end its waiting: of two who take it at once, one does.

    :raises LoginExpired: when there is none, or no more.
    """
    challenge = look(crane, secret, kind)
    with answering(), session() as database:
        taken = database.execute(delete(ChallengeRow).where(ChallengeRow.digest == digest(secret)))
        database.commit()
    if not taken.rowcount:  # type: ignore[attr-defined]
        raise LoginExpired
    return challenge


def forget(crane: Crane) -> None:
    """Forget steps that nobody took in time."""
    with session() as database:
        database.execute(delete(ChallengeRow).where(ChallengeRow.expires_at <= crane.room(Clock).now()))
        database.commit()
