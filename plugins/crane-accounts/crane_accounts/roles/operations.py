"""Roles of one's own: made, changed and removed."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from crane_database import delete, update

from crane_accounts.directory import Directory, Role
from crane_accounts.errors import BuiltIn as BuiltInRole
from crane_accounts.errors import NameTaken, RoleInUse, RoleNotFound
from crane_accounts.giving import demand_all
from crane_accounts.keeping import Directories
from crane_accounts.models import RoleRow
from crane_accounts.names import check_name, normal
from crane_accounts.roles.builtin import BuiltIn, find_role
from crane_core.context import Crane
from crane_core.errors import Invalid, Violation
from crane_core.events import Event
from crane_core.security import Identity


def get_role(crane: Crane, directory: Directory, name: str) -> Role:
    """Return a role, one that comes with Crane too.

    :raises RoleNotFound: when there is none of this name.
    """
    if (role := find_role(crane, directory, normal(name))) is None:
        raise RoleNotFound(f"There is no role {name}.")
    return role


def list_roles(crane: Crane, directory: Directory) -> list[Role]:
    """Return all roles, those that come with Crane first."""
    return [*crane.room(BuiltIn).roles.values(), *directory.roles.values()]


def create_role(crane: Crane, identity: Identity, name: str, actions: Collection[str], description: str = "") -> Role:
    """Make a role. It gives nobody anything before it is granted, so that one may make any.

    :raises Invalid: when the name is none, or there is no such action.
    :raises NameTaken: when there is one of this name.
    """
    name = check_name(name)
    _check_actions(crane, actions)
    with crane.room(Directories).changing() as (database, before):
        if find_role(crane, before, name) is not None:
            raise NameTaken(f"There is a role {name} already.")
        row = RoleRow(name=name, description=description, actions=sorted(set(actions)), created_at=datetime.now(UTC))
        database.add(row)
        role = Role(name, frozenset(actions), description)
    _tell(crane, "role.created", name, identity, actions=sorted(role.actions))
    return role


def change_role(crane: Crane, identity: Identity, name: str, members: Mapping[str, Any]) -> None:
    """Change what a role is for, or its actions, which changes what all those may do who have it.

    :raises BuiltIn: when it comes with Crane.
    :raises MoreThanYouHold: when somebody would be given more than who asks holds.
    """
    _check_actions(crane, members.get("actions", ()))
    with crane.room(Directories).changing() as (database, before):
        role = _get_own(crane, before, name)
        actions = frozenset(members.get("actions", role.actions))
        values = {**members, "actions": sorted(actions)}
        added, taken = actions - role.actions, role.actions - actions
        for grant in before.grants.values():
            if grant.role == role.name:
                # Who takes something out of a role that is withheld gives it back.
                given = added if grant.effect == "allow" else taken
                demand_all(crane, before, identity, given, grant.scope, f"Changing the role {role.name}")
        database.execute(update(RoleRow).where(RoleRow.name == role.name).values(**values))
    _tell(crane, "role.updated", role.name, identity, added=sorted(added), removed=sorted(taken))


def remove_role(crane: Crane, identity: Identity, name: str) -> None:
    """Remove a role that nobody has.

    :raises BuiltIn: when it comes with Crane.
    :raises RoleInUse: when a grant gives it, or withholds it.
    """
    with crane.room(Directories).changing() as (database, before):
        role = _get_own(crane, before, name)
        if used := count_grants(before, role.name):
            raise RoleInUse(f"{used} grant(s) name the role {role.name}. Remove them first.")
        database.execute(delete(RoleRow).where(RoleRow.name == role.name))
    _tell(crane, "role.removed", role.name, identity)


def count_grants(directory: Directory, role: str) -> int:
    """Return how many grants name a role."""
    return sum(grant.role == role for grant in directory.grants.values())


def present(directory: Directory, role: Role) -> dict[str, Any]:
    """Return a role as it is answered."""
    return {
        "name": role.name,
        "description": role.description,
        "built_in": role.built_in,
        "actions": sorted(role.actions),
        "grants": count_grants(directory, role.name),
        "created_at": role.created_at,
    }


def present_actions(crane: Crane, directory: Directory) -> list[dict[str, Any]]:
    """Return every action as it is answered."""
    roles = list_roles(crane, directory)
    return [
        {
            "name": action.name,
            "help": action.help,
            "kind": action.name.partition(":")[0],
            "within": list(action.within),
            "roles": [role.name for role in roles if action.name in role.actions],
        }
        for action in crane.actions.values()
    ]


def _get_own(crane: Crane, directory: Directory, name: str) -> Role:
    role = get_role(crane, directory, name)
    if role.built_in:
        raise BuiltInRole(f"The role {role.name} comes with Crane, and cannot be changed. Make one of your own.")
    return role


def _check_actions(crane: Crane, actions: Collection[str]) -> None:
    violations = []
    for number, name in enumerate(actions):
        if name not in crane.actions:
            nearest = difflib.get_close_matches(name, crane.actions, 1)
            hint = f" Did you mean {nearest[0]}?" if nearest else ""
            detail = f"There is no action {name[:100]}.{hint}"
            violations.append(Violation(f"/actions/{number}", detail, code="unknown-action"))
    if violations:
        raise Invalid("A role holds actions that there are.", violations=violations)


def _tell(crane: Crane, kind: str, name: str, identity: Identity, **detail: Any) -> None:
    crane.emit(Event(kind, name, by=identity.name, detail=detail))
