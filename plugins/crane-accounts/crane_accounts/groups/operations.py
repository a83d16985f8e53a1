"""Groups: made, changed and removed; accounts put into them and taken out again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from crane_database import delete, insert, update

from crane_accounts.directory import LOCAL_SOURCE, Account, Directory, Group
from crane_accounts.errors import AccountNotFound, GroupNotFound, MemberFromElsewhere, MemberNotFound, NameTaken
from crane_accounts.giving import demand_grants, demand_labels
from crane_accounts.keeping import Directories
from crane_accounts.models import GroupRow, MemberRow
from crane_accounts.names import check_name, normal
from crane_core.context import Crane
from crane_core.events import Event
from crane_core.security import Identity


def get_group(directory: Directory, name: str) -> Group:
    """Return the group of a name.

    :raises GroupNotFound: when there is none.
    """
    if (group := directory.group_named(normal(name))) is None:
        raise GroupNotFound(f"There is no group {name}.")
    return group


def create_group(crane: Crane, identity: Identity, name: str, description: str = "") -> Group:
    """Make a group, with nobody in it.

    :raises Invalid: when the name is none.
    :raises NameTaken: when there is one of this name.
    :raises MoreThanYouHold: when labels of services grant to a group of this name what who asks could not grant.
    """
    name = check_name(name)
    demand_labels(crane, identity, name, f"Making the group {name}")
    with crane.room(Directories).changing() as (database, before):
        if before.group_named(name) is not None:
            raise NameTaken(f"There is a group {name} already.")
        row = GroupRow(name=name, description=description, created_at=datetime.now(UTC))
        database.add(row)
        database.flush()
        group = Group(row.id, row.name, row.description, row.created_at)
    _tell(crane, "group.created", group, identity)
    return group


def change_group(crane: Crane, identity: Identity, name: str, description: str) -> None:
    """Change what is said of a group.

    :raises GroupNotFound: when there is none of this name.
    """
    with crane.room(Directories).changing() as (database, before):
        group = get_group(before, name)
        database.execute(update(GroupRow).where(GroupRow.id == group.id).values(description=description))
    _tell(crane, "group.updated", group, identity, changed=["description"])


def remove_group(crane: Crane, identity: Identity, name: str) -> None:
    """Remove a group with its grants.

    :raises GroupNotFound: when there is none of this name.
    :raises MoreThanYouHold: when it withholds from its members what who asks could not give them.
    :raises LastAdmin: when nobody would be left who may do everything.
    """
    with crane.room(Directories).changing() as (database, before):
        group = get_group(before, name)
        denied = [grant for grant in before.grants_of_group(group.id) if grant.effect == "deny"]
        demand_grants(crane, before, identity, denied, f"Removing the group {group.name}, which withholds something,")
        database.execute(delete(GroupRow).where(GroupRow.id == group.id))
    _tell(crane, "group.removed", group, identity)


def add_member(crane: Crane, identity: Identity, name: str, account_name: str) -> None:
    """Put an account into a group; nothing happens if it is there already.

    :raises GroupNotFound: when there is no such group.
    :raises AccountNotFound: when there is no such account.
    :raises MoreThanYouHold: when the group gives more than who asks holds.
    """
    with crane.room(Directories).changing() as (database, before):
        group, account = get_group(before, name), _get_account(before, account_name)
        known = any(
            member.account_id == account.id and member.source == LOCAL_SOURCE for member in before.members_of(group.id)
        )
        if not known:
            what = f"Putting {account.name} into the group {group.name}"
            given = [grant for grant in before.grants_of_group(group.id) if grant.effect == "allow"]
            demand_grants(crane, before, identity, given, what)
            demand_labels(crane, identity, group.name, what)
            database.execute(insert(MemberRow).values(group_id=group.id, account_id=account.id, source=LOCAL_SOURCE))
    if not known:
        _tell(crane, "group.updated", group, identity, added=account.name)


def remove_member(crane: Crane, identity: Identity, name: str, account_name: str) -> None:
    """Take an account out of a group.

    :raises MemberNotFound: when it is not there.
    :raises MemberFromElsewhere: when only another source put it there, which would do so again.
    :raises MoreThanYouHold: when the group withholds what who asks could not give.
    :raises LastAdmin: when nobody would be left who may do everything.
    """
    with crane.room(Directories).changing() as (database, before):
        group, account = get_group(before, name), _get_account(before, account_name)
        sources = sorted(each.source for each in before.members_of(group.id) if each.account_id == account.id)
        if not sources:
            raise MemberNotFound(f"{account.name} is not in the group {group.name}.")
        if LOCAL_SOURCE not in sources:
            raise MemberFromElsewhere(
                f"{account.name} is in the group {group.name} by {', '.join(sources)}; take it out there."
            )
        denied = [grant for grant in before.grants_of_group(group.id) if grant.effect == "deny"]
        demand_grants(crane, before, identity, denied, f"Taking {account.name} out of the group {group.name}")
        which = MemberRow.group_id == group.id, MemberRow.account_id == account.id, MemberRow.source == LOCAL_SOURCE
        database.execute(delete(MemberRow).where(*which))
    _tell(crane, "group.updated", group, identity, removed=account.name)


def present(directory: Directory, group: Group) -> dict[str, Any]:
    """Return a group as it is answered."""
    return {
        "name": group.name,
        "description": group.description,
        "members": len({member.account_id for member in directory.members_of(group.id)}),
        "grants": len(directory.grants_of_group(group.id)),
        "created_at": group.created_at,
    }


def present_members(directory: Directory, group: Group) -> list[dict[str, Any]]:
    """Return who is in a group, as it is answered."""
    sources: dict[int, list[str]] = {}
    for member in directory.members_of(group.id):
        sources.setdefault(member.account_id, []).append(member.source)
    accounts = [(directory.accounts[account_id], named) for account_id, named in sources.items()]
    return [
        {
            "name": account.name,
            "kind": account.kind,
            "display_name": account.display_name,
            "disabled": account.disabled,
            "sources": named,
        }
        for account, named in accounts
    ]


def _get_account(directory: Directory, name: str) -> Account:
    if (account := directory.account_named(normal(name))) is None:
        raise AccountNotFound(f"There is no account {name}.")
    return account


def _tell(crane: Crane, kind: str, group: Group, identity: Identity, **detail: Any) -> None:
    crane.emit(Event(kind, group.name, str(group.id), by=identity.name, detail=detail))
