"""Who sends a request: looked up by what it carries, and remembered until somebody's rights change.

Most requests ask the database nothing. What is remembered counts for one version of the rights: whoever ends a session,
removes a token or disables an account raises it, on all servers.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from crane_accounts import Limits, identity_of
from crane_database import answering, select, session, update

from crane_auth.clock import Clock
from crane_auth.digests import SESSION, digest
from crane_auth.models import SessionRow, TokenRow
from crane_auth.sessions.operations import idle, is_over
from crane_auth.tokens.operations import limits_of
from crane_core.context import Crane
from crane_core.security import Identity

# When something was last used is written this often at the most.
TOUCH = timedelta(minutes=1)
FOREVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Proof:
    """What a session or token proved.

    :param kind: The table that holds it.
    :param version: The version of the rights that it was looked up at.
    :param used_at: When its use was last written down.
    :param until: When it proves nothing any more, unless it is used.
    """

    identity: Identity
    kind: type[SessionRow] | type[TokenRow]
    id: str
    version: int
    used_at: datetime | None
    until: datetime


class Proofs:
    """The room of one server that remembers what sessions and tokens proved."""

    KEPT = 10_000

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.room(Clock)
        self._known: OrderedDict[str, Proof] = OrderedDict()
        self._lock = threading.Lock()

    def identify(self, secret: str) -> Identity | None:
        """Return whose session or token this is; None when it is nobody's, or nobody's any more."""
        key = digest(secret)
        now = self._clock.now()
        with self._lock:
            proof = self._known.get(key)
        if proof is None or proof.version != self._crane.rights.version or now >= proof.until:
            proof = self._look_up(secret, key, now)
        if proof is None:
            with self._lock:
                self._known.pop(key, None)
            return None
        if proof.used_at is None or now - proof.used_at >= TOUCH:
            proof = self._touch(proof, now)
        with self._lock:
            self._known[key] = proof
            self._known.move_to_end(key)
            while len(self._known) > self.KEPT:
                self._known.popitem(last=False)
        return proof.identity

    def _look_up(self, secret: str, key: str, now: datetime) -> Proof | None:
        # Before it is read: what changes meanwhile is noticed at the next request.
        version = self._crane.rights.version
        with answering(), session() as database:
            if secret.startswith(SESSION):
                row = database.scalar(select(SessionRow).where(SessionRow.digest == key))
                return None if row is None else self._prove_session(row, version, now)
            token = database.scalar(select(TokenRow).where(TokenRow.digest == key))
            return None if token is None else self._prove_token(token, version, now)

    def _prove_session(self, row: SessionRow, version: int, now: datetime) -> Proof | None:
        if is_over(self._crane, row, now):
            return None
        identity = _identity(row.account_id, None, session=row.id, method=row.method, expires_at=row.expires_at)
        until = min(row.expires_at, row.used_at + idle(self._crane))
        if identity is None:
            return None
        return Proof(identity, SessionRow, row.id, version, row.used_at, until)

    def _prove_token(self, row: TokenRow, version: int, now: datetime) -> Proof | None:
        until = row.expires_at or FOREVER
        if now >= until:
            return None
        identity = _identity(row.account_id, limits_of(row), token=row.id)
        if identity is None:
            return None
        return Proof(identity, TokenRow, row.id, version, row.used_at, until)

    def _touch(self, proof: Proof, now: datetime) -> Proof:
        with answering(), session() as database:
            database.execute(update(proof.kind).where(proof.kind.id == proof.id).values(used_at=now))
            database.commit()
        until = proof.until
        if proof.kind is SessionRow:
            until = min(proof.identity.details["expires_at"], now + idle(self._crane))
        return replace(proof, used_at=now, until=until)


def _identity(account_id: int, limits: Limits | None, **details: Any) -> Identity | None:
    found = identity_of(account_id, limits)
    return found and replace(found, details={**found.details, **details})
