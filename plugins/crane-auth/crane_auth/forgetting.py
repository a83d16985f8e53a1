"""Forgetting: what has expired, and how somebody logged in who is gone."""

from __future__ import annotations

import threading

from crane_database import delete, session

from crane_auth import challenges, throttle
from crane_auth.models import ChallengeRow, PasskeyRow, PasswordRow, RecoveryRow, SessionRow, TokenRow, TotpRow
from crane_auth.sessions import operations as sessions
from crane_core.context import Crane, get_crane

PAUSE_SECONDS = 600.0


def run(stop: threading.Event) -> None:
    """Forget every few minutes, until told to stop."""
    crane = get_crane()
    while not stop.wait(PAUSE_SECONDS):
        forget(crane)


def forget(crane: Crane) -> None:
    """Forget what has expired."""
    challenges.forget(crane)
    throttle.forget(crane)
    sessions.forget(crane)


def forget_account(account_id: int) -> None:
    """Forget how somebody logged in whose account was removed; nobody gets its id again."""
    with session() as database:
        for kind in (PasswordRow, SessionRow, TokenRow, ChallengeRow, TotpRow, RecoveryRow, PasskeyRow):
            database.execute(delete(kind).where(kind.account_id == account_id))
        database.commit()
