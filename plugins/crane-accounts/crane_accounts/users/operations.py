"""Accounts: found, made, changed and removed; and provided for who is known elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from crane_database import delete, insert, select, update

from crane_accounts.directory import ADMIN, LOCAL_SOURCE, Account, AccountKind, Directory
from crane_accounts.errors import AccountNotFound, AlreadySetUp, NameTaken
from crane_accounts.giving import demand_rank
from crane_accounts.keeping import Directories, account_of, directories
from crane_accounts.models import AccountRow, GrantRow, MemberRow, SubjectRow
from crane_accounts.names import check_account_name, normal
from crane_core.context import Crane, get_crane
from crane_core.events import Event
from crane_core.security import Identity

log = logging.getLogger(__name__)


# --- Asking -------------------------------------------------------------------------------------------------------


def find_account(name: str) -> Account | None:
    """Return the account of a name, None when there is none."""
    room = directories()
    # One that is not known may have been made on another server a moment ago.
    return room.current.account_named(normal(name)) or room.refresh().account_named(normal(name))


def get_account(name: str) -> Account:
    """Return the account of a name.

    :raises AccountNotFound: when there is none.
    """
    if (account := find_account(name)) is None:
        raise AccountNotFound(f"There is no account {name}.")
    return account


def account_by_id(account_id: int) -> Account | None:
    """Return an account by its id, None when there is none."""
    room = directories()
    return room.current.accounts.get(account_id) or room.refresh().accounts.get(account_id)


def has_admin() -> bool:
    """Tell whether there is a user who may do everything."""
    room = directories()
    return bool(room.current.admins or room.refresh().admins)


# --- Changing -----------------------------------------------------------------------------------------------------


def create_account(
    name: str,
    kind: AccountKind = "user",
    display_name: str = "",
    email: str = "",
    source: str = LOCAL_SOURCE,
    *,
    by: str = "",
) -> Account:
    """Make an account, to which nothing is granted yet.

    :param by: Who asked for it, for the event.
    :raises Invalid: when the name is none.
    :raises NameTaken: when there is one of this name.
    """
    name = check_account_name(name)
    with directories().changing() as (database, before):
        account = _insert(database, before, name, kind, display_name, email, source)
    _tell("user.created", account, by, kind=kind, source=source)
    return account


def make_first_admin(name: str, display_name: str = "", email: str = "") -> Account:
    """Make the first user who may do everything; of two who ask at the same time, only one gets it.

    :raises AlreadySetUp: when there is one.
    """
    name = check_account_name(name)
    with directories().changing() as (database, before):
        if before.admins:
            raise AlreadySetUp
        account = _insert(database, before, name, "user", display_name, email, LOCAL_SOURCE)
        _grant_everything(database, account.id)
    _tell("user.created", account, account.name, kind="user", source=LOCAL_SOURCE, role=ADMIN)
    return account


def make_admin(name: str) -> Account:
    """Let a user do everything, whatever was withheld from them: for the operator who is locked out.

    The account is enabled, and what withholds something from it everywhere is taken away.

    :raises AccountNotFound: when there is no such account.
    """
    with directories().changing() as (database, before):
        account = _require(before, name)
        database.execute(update(AccountRow).where(AccountRow.id == account.id).values(disabled=False))
        held = [held.grant for held in before.held_by(account.id) if held.grant.scope.kind == "everything"]
        denied = [grant.id for grant in held if grant.effect == "deny"]
        database.execute(delete(GrantRow).where(GrantRow.id.in_(denied)))
        if not any(grant.effect == "allow" and grant.role == ADMIN for grant in held):
            _grant_everything(database, account.id)
    _tell("user.updated", account, "local", role=ADMIN)
    return account


def provide_account(
    source: str,
    subject: str,
    name: str,
    display_name: str = "",
    email: str = "",
    groups: Collection[str] | None = None,
) -> Account:
    """Return the account of somebody whom an outside source vouches for; made at their first login.

    :param source: Who vouches, as in ``oidc:<provider>``, ``ldap`` or ``proxy``.
    :param subject: What the source knows them by; never given to somebody else there.
    :param name: What they are called here, if the account is made.
    :param groups: The groups that they are in by this source; those that do not exist are passed over. None leaves
        memberships as they are.
    :raises NameTaken: when another account has this name: that of somebody else, as far as anybody can tell.
    """
    room = directories()
    wanted = None if groups is None else frozenset(normal(group) for group in groups)
    with room.changing() as (database, before):
        known = database.scalar(
            select(SubjectRow.account_id).where(SubjectRow.source == source, SubjectRow.subject == subject)
        )
        if known is None:
            account, created = _provide(database, before, source, subject, name, display_name, email), True
        else:
            account, created = before.accounts[known], False
            members = {"display_name": display_name or account.display_name, "email": email or account.email}
            database.execute(update(AccountRow).where(AccountRow.id == known).values(**members))
        if wanted is not None:
            _set_groups(database, before, account, source, wanted)
    if created:
        _tell("user.created", account, account.name, kind="user", source=source)
    return room.current.accounts.get(account.id, account)


def change_account(crane: Crane, identity: Identity, name: str, members: Mapping[str, Any]) -> Account:
    """Change members of an account: ``display_name``, ``email``, ``disabled``.

    :raises AccountNotFound: when there is no such account.
    :raises MoreThanYouHold: when the account may do more than who asks.
    :raises LastAdmin: when it is the last who may do everything, and would be disabled.
    """
    room = crane.room(Directories)
    with room.changing() as (database, before):
        account = _require(before, name)
        demand_rank(crane, identity, account, before)
        changed = {member: value for member, value in members.items() if getattr(account, member) != value}
        if changed:
            database.execute(update(AccountRow).where(AccountRow.id == account.id).values(**changed))
    if changed:
        # Addresses are nobody's business but the account's; that they changed is told, and not to what.
        shown = {"disabled": changed["disabled"]} if "disabled" in changed else {}
        _tell("user.updated", account, identity.name, changed=sorted(changed), **shown)
    return room.current.accounts[account.id]


def remove_account(crane: Crane, identity: Identity, name: str) -> None:
    """Remove an account, with its memberships and grants; its id is never used again.

    :raises AccountNotFound: when there is no such account.
    :raises MoreThanYouHold: when the account may do more than who asks.
    :raises LastAdmin: when it is the last who may do everything.
    """
    with crane.room(Directories).changing() as (database, before):
        account = _require(before, name)
        demand_rank(crane, identity, account, before)
        database.execute(delete(AccountRow).where(AccountRow.id == account.id))
    _tell("user.removed", account, identity.name)


def demand_no_less(identity: Identity, account: Account) -> None:
    """Go on only if somebody may do all that an account may: before they set its password, or make a token for it.

    :raises MoreThanYouHold: when the account may do more.
    """
    crane = get_crane()
    demand_rank(crane, identity, account, crane.room(Directories).current)


def present(directory: Directory, account: Account) -> dict[str, Any]:
    """Return an account as it is answered."""
    return {
        "id": account.id,
        "name": account.name,
        "kind": account.kind,
        "display_name": account.display_name,
        "email": account.email,
        "disabled": account.disabled,
        "source": account.source,
        "groups": [group.name for group in directory.groups_of(account.id)],
        "admin": account.id in directory.admins,
        "created_at": account.created_at,
    }


def _require(directory: Directory, name: str) -> Account:
    if (account := directory.account_named(normal(name))) is None:
        raise AccountNotFound(f"There is no account {name}.")
    return account


def _provide(
    database: Any, before: Directory, source: str, subject: str, name: str, display_name: str, email: str
) -> Account:
    name = check_account_name(name)
    if (other := before.account_named(name)) is not None:
        raise NameTaken(
            f"There is an account {name} already, which {_say_source(other)}; it is not handed to somebody whom "
            f"{source} calls the same. Rename or remove one of them."
        )
    account = _insert(database, before, name, "user", display_name, email, source)
    database.execute(insert(SubjectRow).values(source=source, subject=subject, account_id=account.id))
    return account


def _say_source(account: Account) -> str:
    return "was made here" if account.source == LOCAL_SOURCE else f"comes from {account.source}"


def _set_groups(database: Any, before: Directory, account: Account, source: str, wanted: Collection[str]) -> None:
    """Put an account into the groups that a source names, and take it out of the others that it named before."""
    has = {each.group_id for each in before.memberships_of(account.id) if each.source == source}
    shall = {group.id for name in wanted if (group := before.group_named(name)) is not None}
    if before.admins == {account.id} and not _stays_admin(before, account, source, shall):
        log.warning("%s is the last who may do everything, and stays in the groups that %s gave.", account.name, source)
        shall |= has
    for group_id in shall - has:
        database.execute(insert(MemberRow).values(group_id=group_id, account_id=account.id, source=source))
    gone = MemberRow.account_id == account.id, MemberRow.source == source, MemberRow.group_id.in_(has - shall)
    database.execute(delete(MemberRow).where(*gone))


def _stays_admin(before: Directory, account: Account, source: str, shall: Collection[int]) -> bool:
    """Tell whether an account may do everything without the groups that a source takes from it."""
    kept = {each.group_id for each in before.memberships_of(account.id) if each.source != source} | set(shall)
    return any(
        held.grant.role == ADMIN and held.grant.effect == "allow" and held.grant.scope.kind == "everything"
        for held in before.held_by(account.id)
        if held.group is None or held.group.id in kept
    )


def _insert(
    database: Any, before: Directory, name: str, kind: str, display_name: str, email: str, source: str
) -> Account:
    if before.account_named(name) is not None:
        raise NameTaken(f"There is an account {name} already.")
    row = AccountRow(
        name=name,
        kind=kind,
        display_name=display_name[:200],
        email=email[:320],
        disabled=False,
        source=source,
        created_at=datetime.now(UTC),
    )
    database.add(row)
    database.flush()
    return account_of(row)


def _grant_everything(database: Any, account_id: int) -> None:
    values: Mapping[str, Any] = {
        "effect": "allow",
        "role": ADMIN,
        "account_id": account_id,
        "scope": "everything",
        "pattern": "",
        "created_by": "",
        "created_at": datetime.now(UTC),
    }
    database.execute(insert(GrantRow).values(**values))


def _tell(what: str, account: Account, by: str, **detail: Any) -> None:
    get_crane().emit(Event(what, account.name, str(account.id), by=by, detail=detail))
