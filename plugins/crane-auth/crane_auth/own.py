"""The caller's own account."""

from __future__ import annotations

from crane_accounts import Account, account_by_id

from crane_auth.errors import NoAccount, SessionNeeded
from crane_core.security import identify


def own_account() -> Account:
    """Return the account of the caller.

    :raises NoAccount: when they have none: whoever runs the server, and who logs in by another plugin.
    """
    account_id = identify().details.get("account_id")
    account = account_by_id(account_id) if isinstance(account_id, int) else None
    if account is None:
        raise NoAccount
    return account


def demand_session() -> Account:
    """Return the account of a caller who has logged in; a token that was stolen shall not outlive its removal.

    :raises SessionNeeded: when the caller shows an API token.
    """
    account = own_account()
    if "token" in identify().details:
        raise SessionNeeded
    return account


def own_session_id() -> str:
    """Return the id of the caller's session; empty when they have none."""
    return str(identify().details.get("session", ""))
