"""API tokens: shown once, kept as a digest, limited to actions and stacks, and expiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from crane_accounts import Account, Limits, account_by_id
from crane_database import answering, delete, select, session

from crane_auth.clock import Clock
from crane_auth.digests import TOKEN, digest, is_id, make_id, make_secret
from crane_auth.errors import TokenNotFound
from crane_auth.models import TokenRow
from crane_core.context import Crane
from crane_core.errors import Invalid, Violation
from crane_core.events import Event
from crane_core.security import Target


@dataclass(frozen=True)
class Wish:
    """What a token shall be.

    :param actions: What it may at the most; None for all that its account may.
    :param stacks: Names or patterns of the stacks that it is limited to; None for no such limit.
    :param days: How long it is good for; None for as long as the server lets tokens be.
    """

    name: str
    actions: tuple[str, ...] | None = None
    stacks: tuple[str, ...] | None = None
    days: int | None = None


def limits_of(row: TokenRow) -> Limits | None:
    """Return what a token may at the most; None without any limit."""
    if row.actions is None and row.stacks is None:
        return None
    return Limits(
        None if row.actions is None else frozenset(row.actions), None if row.stacks is None else tuple(row.stacks)
    )


def create(crane: Crane, account: Account, wish: Wish, by: str) -> dict[str, Any]:
    """Make a token; what is returned holds it as ``token``, this once.

    :raises Invalid: for actions that there are not, or a time that the server does not allow.
    """
    _check(crane, wish)
    now = crane.room(Clock).now()
    days = wish.days or int(crane.settings["auth.token_days"]) or None
    secret = make_secret(TOKEN)
    row = TokenRow(
        id=make_id(),
        digest=digest(secret),
        account_id=account.id,
        name=wish.name,
        actions=None if wish.actions is None else sorted(set(wish.actions)),
        stacks=None if wish.stacks is None else list(dict.fromkeys(wish.stacks)),
        created_at=now,
        created_by=by,
        used_at=None,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    with answering(), session() as database:
        database.add(row)
        database.commit()
        shown = present(crane, row)
    crane.emit(Event("token.created", account.name, shown["id"], by=by, detail={"called": wish.name}))
    return {**shown, "token": secret}


def _check(crane: Crane, wish: Wish) -> None:
    wrong = [
        Violation(
            f"/actions/{index}", f"There is no action {action}; GET /api/v1/actions lists them.", code="no-action"
        )
        for index, action in enumerate(wish.actions or ())
        if action not in crane.actions
    ]
    longest = int(crane.settings["auth.token_days"])
    if longest and wish.days is not None and wish.days > longest:
        wrong.append(Violation("/days", f"A token is good for {longest} days at the most.", code="token-too-long"))
    if wrong:
        raise Invalid("No such token can be made.", violations=wrong)


def remove(crane: Crane, token_id: str, by: str, *, account_id: int | None = None) -> None:
    """Revoke a token.

    :param account_id: Whose it must be.
    :raises TokenNotFound: when there is none, or it is another's.
    """
    wanted = delete(TokenRow).where(TokenRow.id == token_id)
    if account_id is not None:
        wanted = wanted.where(TokenRow.account_id == account_id)
    with answering(), session() as database:
        found = database.execute(wanted.returning(TokenRow.account_id)).scalar() if is_id(token_id) else None
        database.commit()
    if found is None:
        raise TokenNotFound
    crane.rights.changed()
    account = account_by_id(found)
    crane.emit(Event("token.removed", account.name if account else "", token_id, by=by))


def list_tokens(crane: Crane, account_id: int | None = None) -> list[dict[str, Any]]:
    """List the tokens of somebody or of all, by name; those that have expired too."""
    wanted = select(TokenRow).order_by(TokenRow.name, TokenRow.id)
    if account_id is not None:
        wanted = wanted.where(TokenRow.account_id == account_id)
    with answering(), session() as database:
        return [present(crane, row) for row in database.scalars(wanted)]


def present(crane: Crane, row: TokenRow) -> dict[str, Any]:
    """Return what is shown of a token."""
    account = account_by_id(row.account_id)
    return {
        "id": row.id,
        "name": row.name,
        "account": account.name if account else "",
        "actions": row.actions,
        "stacks": row.stacks,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "used_at": row.used_at,
        "expires_at": row.expires_at,
        "expired": row.expires_at is not None and row.expires_at <= crane.room(Clock).now(),
    }


def find_target(token_id: str) -> Target:
    """Find a token, to decide on what may be done to it.

    :raises TokenNotFound: when there is none.
    """
    with answering(), session() as database:
        row = database.get(TokenRow, token_id) if is_id(token_id) else None
        if row is None:
            raise TokenNotFound
        return Target("token", row.name, token_id)


def target_of(row: Mapping[str, Any]) -> Target:
    """Return what is decided on for a token of a list."""
    return Target("token", row["name"], row["id"])
