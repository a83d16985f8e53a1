"""From an account to the identity of whoever proved to be it."""

from __future__ import annotations

from dataclasses import dataclass

from crane_accounts.keeping import directories
from crane_core.security import Identity

ACCOUNT = "account_id"
LIMITS = "limits"


@dataclass(frozen=True)
class Limits:
    """What somebody may do at the most, whatever was granted to the account: that of a token, say.

    :param actions: The only actions; None for no limit.
    :param stacks: The only stacks, as names or patterns; None for no limit.
    """

    actions: frozenset[str] | None = None
    stacks: tuple[str, ...] | None = None


def identity_of(account_id: int, limits: Limits | None = None) -> Identity | None:
    """Return who somebody is who proved to be an account; None when it is gone, or disabled.

    :param limits: What they may do at the most.
    """
    account = directories().current.accounts.get(account_id)
    if account is None:
        # It may have been made on another server a moment ago.
        account = directories().refresh().accounts.get(account_id)
    if account is None or account.disabled:
        return None
    return Identity(account.name, account.kind, {ACCOUNT: account.id, LIMITS: limits})


def account_id_of(identity: Identity) -> int | None:
    """Return the account of an identity, None where it is none: whoever runs the server, or of another plugin."""
    found = identity.details.get(ACCOUNT)
    return found if isinstance(found, int) else None


def limits_of(identity: Identity) -> Limits | None:
    """Return what an identity may do at the most, None for no limit."""
    found = identity.details.get(LIMITS)
    return found if isinstance(found, Limits) else None
