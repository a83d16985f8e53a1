"""Passwords of accounts: checking, setting, changing."""

from __future__ import annotations

from crane_accounts import Account, find_account
from crane_database import answering, session

from crane_auth import throttle
from crane_auth.clock import Clock
from crane_auth.errors import WrongCredentials
from crane_auth.models import PasswordRow
from crane_auth.passwords.hashing import Hasher
from crane_auth.passwords.strength import LONGEST, Strength
from crane_core.context import Crane, get_crane
from crane_core.errors import Conflict
from crane_core.events import Event


class NoPassword(Conflict):
    """Such an account has no password."""

    code, title = "no-password", "Such an account has no password."


def find_password(account_id: int) -> PasswordRow | None:
    """Find what is kept of somebody's password; None where there is none."""
    with answering(), session() as database:
        row = database.get(PasswordRow, account_id)
        if row is not None:
            database.expunge(row)
        return row


def check(name: str, password: str) -> Account | None:
    """Return whose name and password these are; takes as long when they are nobody's."""
    crane = get_crane()
    hasher = crane.room(Hasher)
    account = find_account(name)
    row = find_password(account.id) if account is not None and account.kind == "user" else None
    right = len(password) <= LONGEST and hasher.verify(password, row.hash if row else None)
    if not right or account is None or row is None or account.disabled:
        return None
    if hasher.is_outdated(row.hash):
        _keep(crane, account.id, hasher.hash(password), must_change=row.must_change)
    return account


def set_password(
    crane: Crane, account: Account, password: str, *, must_change: bool = False, pointer: str = "/password"
) -> None:
    """Give an account a password.

    :raises WeakPassword: when it is not good enough.
    :raises NoPassword: for accounts of programs, and for those that log in elsewhere.
    """
    if account.kind != "user" or account.source != "local":
        raise NoPassword(
            f"{account.name} is the account of a program; make a token for it."
            if account.kind != "user"
            else f"{account.name} logs in by {account.source}; the password is changed there."
        )
    crane.room(Strength).demand(password, account.name, account.display_name, account.email, pointer=pointer)
    _keep(crane, account.id, crane.room(Hasher).hash(password), must_change=must_change)


def demand_password(crane: Crane, account: Account, password: str) -> None:
    """Go on only with somebody's own password; those who log in elsewhere have none to ask for.

    :raises WrongCredentials: when it is not.
    :raises TooManyAttempts: when too many were not.
    """
    if find_password(account.id) is None:
        return
    key = throttle.of_account(account.name)
    throttle.count(crane, [key])
    if check(account.name, password) is None:
        raise WrongCredentials("This is not your password.")
    throttle.forgive(key)


def tell_changed(crane: Crane, account: Account, by: str) -> None:
    """Tell plugins that somebody has another password."""
    crane.emit(Event("password.changed", account.name, by=by))


def _keep(crane: Crane, account_id: int, hashed: str, *, must_change: bool) -> None:
    with answering(), session() as database:
        database.merge(
            PasswordRow(account_id=account_id, hash=hashed, changed_at=crane.room(Clock).now(), must_change=must_change)
        )
        database.commit()
