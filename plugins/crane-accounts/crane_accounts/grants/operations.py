"""Grants: made, removed, and explained."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from crane_database import delete

from crane_accounts.directory import Directory, Effect, Grant, Group, Held, Scope
from crane_accounts.errors import AccountNotFound, GrantExists, GrantNotFound, GroupNotFound, MoreThanYouHold
from crane_accounts.giving import demand_all, find_missing
from crane_accounts.identities import ACCOUNT
from crane_accounts.keeping import Directories
from crane_accounts.models import GrantRow
from crane_accounts.names import check_pattern, normal
from crane_accounts.roles.builtin import actions_of
from crane_accounts.roles.operations import get_role
from crane_accounts.voting import prepare_for, say
from crane_core.context import Crane
from crane_core.contributions import Action
from crane_core.errors import Invalid, NotFound, Violation
from crane_core.events import Event
from crane_core.security import Identity, Target, Vote, decide, in_general

LARGEST = 2**31 - 1


def read_scope(kind: str, pattern: str) -> Scope:
    """Return a scope out of what was sent.

    :raises Invalid: when the pattern is none.
    """
    return Scope() if kind == "everything" else Scope(kind, check_pattern(pattern))  # type: ignore[arg-type]


def target_of(scope: Scope, grant_id: int | None = None) -> Target:
    """Return a grant as the target of an action: it lies where its scope does."""
    number = str(grant_id or "new")
    return Target("grant", number, number, scope.pattern if scope.kind == "stack" else None)


def get_grant(directory: Directory, number: int) -> Grant:
    """Return a grant by its number.

    :raises GrantNotFound: when there is none.
    """
    if (grant := directory.grants.get(number)) is None:
        raise GrantNotFound(f"There is no grant {number}.")
    return grant


def create_grant(
    crane: Crane,
    identity: Identity,
    effect: Effect,
    role: str,
    scope: Scope,
    *,
    account: str | None = None,
    group: str | None = None,
) -> Grant:
    """Give a role to an account or a group on a scope, or withhold it.

    :raises RoleNotFound: when there is no such role, and likewise for an account and a group.
    :raises MoreThanYouHold: when it gives more than who asks holds, or takes from who holds more.
    :raises LastAdmin: when nobody would be left who may do everything.
    """
    with crane.room(Directories).changing() as (database, before):
        found = get_role(crane, before, role)
        holder = _find_holder(before, account, group)
        wanted = Grant(0, effect, found.name, scope, *holder, identity.name)
        if any(_is_same(wanted, grant) for grant in before.grants.values()):
            raise GrantExists(f"It is granted already: {describe(before, wanted)}.")
        if effect == "allow":
            demand_all(crane, before, identity, found.actions, scope, f"Giving the role {found.name} on {scope}")
        else:
            _demand_to_withhold(crane, before, identity, wanted)
        row = GrantRow(
            effect=effect,
            role=found.name,
            account_id=wanted.account_id,
            group_id=wanted.group_id,
            scope=scope.kind,
            pattern=scope.pattern,
            created_by=identity.name[:200],
            created_at=datetime.now(UTC),
        )
        database.add(row)
        database.flush()
        number = row.id
    directory = crane.room(Directories).current
    grant = directory.grants[number]
    _tell(crane, "grant.created", directory, grant, identity)
    return grant


def remove_grant(crane: Crane, identity: Identity, number: int) -> None:
    """Take back what was granted, or withheld.

    :raises GrantNotFound: when there is none of this number.
    :raises MoreThanYouHold: when it withholds what who asks could not give.
    :raises LastAdmin: when nobody would be left who may do everything.
    """
    with crane.room(Directories).changing() as (database, before):
        grant = get_grant(before, number)
        if grant.effect == "deny":
            actions = actions_of(crane, before, grant.role)
            demand_all(crane, before, identity, actions, grant.scope, f"Giving the role {grant.role} back")
        database.execute(delete(GrantRow).where(GrantRow.id == grant.id))
    _tell(crane, "grant.removed", before, grant, identity)


def _find_holder(directory: Directory, account: str | None, group: str | None) -> tuple[int | None, int | None]:
    if account is not None:
        if (found := directory.account_named(normal(account))) is None:
            raise AccountNotFound(f"There is no account {account}.")
        return found.id, None
    if (named := directory.group_named(normal(group or ""))) is None:
        raise GroupNotFound(f"There is no group {group}.")
    return None, named.id


def _is_same(one: Grant, other: Grant) -> bool:
    def essence(grant: Grant) -> tuple[Any, ...]:
        return grant.effect, grant.role, grant.scope, grant.account_id, grant.group_id

    return essence(one) == essence(other)


def _demand_to_withhold(crane: Crane, before: Directory, identity: Identity, wanted: Grant) -> None:
    """Go on only if somebody may withhold something from all whom it concerns; from admins only another one may.

    A deny wins over everything, so that whoever has one stack could shut the admins out of it.
    """
    if wanted.account_id is not None:
        concerned = {wanted.account_id}
    else:
        concerned = {member.account_id for member in before.members_of(wanted.group_id or 0)}
    admins = sorted(before.accounts[account].name for account in concerned & before.admins)
    if admins and find_missing(crane, before, identity, ["grant:create"], Scope()):
        raise MoreThanYouHold(f"Only who may grant everything may withhold something from {', '.join(admins)}.")


# --- Explaining ---------------------------------------------------------------------------------------------------


def describe(directory: Directory, grant: Grant) -> str:
    """Say in words what a grant gives to whom, or withholds."""
    if grant.group_id is not None:
        group = directory.groups.get(grant.group_id)
        return say(f"the group {group.name}" if group else "a group", Held(grant))
    account = directory.accounts.get(grant.account_id or 0)
    return say(account.name if account else "somebody", Held(grant))


def present(directory: Directory, grant: Grant) -> dict[str, Any]:
    """Return a grant as it is answered."""
    account = directory.accounts.get(grant.account_id) if grant.account_id is not None else None
    group = directory.groups.get(grant.group_id) if grant.group_id is not None else None
    return {
        "id": grant.id,
        "name": describe(directory, grant),
        "effect": grant.effect,
        "role": grant.role,
        "account": account.name if account else None,
        "group": group.name if group else None,
        "scope": grant.scope.kind,
        "on": grant.scope.pattern,
        "created_by": grant.created_by,
        "created_at": grant.created_at,
    }


def find_target(crane: Crane, kind: str, name: str) -> Target:
    """Return the object that rights are asked for on; without a name the kind as a whole.

    :raises Invalid: when there is no such kind.
    :raises NotFound: when there is no such object.
    """
    of_kind = [action for action in crane.actions.values() if action.name.startswith(f"{kind}:")]
    if kind and not of_kind:
        kinds = sorted({action.partition(":")[0] for action in crane.actions})
        detail = f"There is no kind {kind[:100]} of objects. There are {', '.join(kinds)}."
        raise Invalid(detail, violations=[Violation("/kind", detail, code="unknown-kind")])
    if not name:
        return Target(kind)
    find = next((action.find for action in of_kind if action.find is not None), None)
    if find is None:
        raise NotFound(f"Nothing of the kind {kind} is looked up by a name.")
    return find(name)


def explain_account(
    crane: Crane, directory: Directory, name: str, target: Target, only: str = ""
) -> list[dict[str, Any]]:
    """Say what an account may do to an object, and why.

    :raises AccountNotFound: when there is no such account.
    """
    if (account := directory.account_named(normal(name))) is None:
        raise AccountNotFound(f"There is no account {name}.")
    # Not identity_of(), which knows no identity of an account that is disabled: then the reason is said.
    identity = Identity(account.name, account.kind, {ACCOUNT: account.id})

    def ask(action: str, on: Target) -> Vote:
        return decide(crane, identity, action, on)

    held = list(directory.held_by(account.id))
    return [_explain(crane, directory, account.name, held, ask, *each) for each in _questions(crane, target, only)]


def explain_group(
    crane: Crane, directory: Directory, group: Group, target: Target, only: str = ""
) -> list[dict[str, Any]]:
    """Say what a group lets its members do to an object, and why."""
    held = [Held(grant) for grant in directory.grants_of_group(group.id)]
    name = f"who is in {group.name}"

    def ask(action: str, on: Target) -> Vote:
        return prepare_for(crane, directory, name, held, [group], action)(on) or Vote.deny("nothing is granted")

    return [_explain(crane, directory, name, held, ask, *each) for each in _questions(crane, target, only)]


def _questions(crane: Crane, target: Target, only: str) -> list[tuple[Action, Target]]:
    """Return which actions are asked about, each on what: on a stack, those on all that is in it too."""
    actions = [action for action in crane.actions.values() if only in ("", action.name)]
    if not target.kind:
        return [(action, in_general(action.name)) for action in actions]
    own = [(action, target) for action in actions if action.name.startswith(f"{target.kind}:")]
    if target.kind != "stack" or not target.name:
        return own
    inside = [
        (action, Target(action.name.partition(":")[0], target.name, "", target.name))
        for action in actions
        if "stack" in action.within and not action.name.startswith(("stack:", "live:"))
    ]
    return own + inside


def _explain(
    crane: Crane, directory: Directory, name: str, held: list[Held], ask: Any, action: Action, target: Target
) -> dict[str, Any]:
    vote = ask(action.name, target)
    speaking = [
        each
        for each in held
        if action.name in actions_of(crane, directory, each.grant.role) and _concerns(each.grant.scope, action, target)
    ]
    return {
        "action": action.name,
        "help": action.help,
        "allowed": vote.allows,
        "reason": vote.reason,
        "grants": [{"id": each.grant.id, "effect": each.grant.effect, "text": say(name, each)} for each in speaking],
    }


def _concerns(scope: Scope, action: Action, target: Target) -> bool:
    """Tell whether a grant on a scope says something of an action on an object."""
    if scope.kind == "everything":
        return True
    if scope.kind not in action.within:
        return False
    if not target.name and target.stack is None:
        return True
    if scope.kind == "stack":
        return target.stack is not None and Scope("stack", target.stack).lies_in(scope)
    return Scope(scope.kind, target.name).lies_in(scope)


def _tell(crane: Crane, kind: str, directory: Directory, grant: Grant, identity: Identity) -> None:
    scope = grant.scope
    stack = scope.pattern if scope.kind == "stack" and "*" not in scope.pattern else None
    shown = present(directory, grant)
    detail = {member: shown[member] for member in ("effect", "role", "account", "group", "scope", "on")}
    crane.emit(Event(kind, shown["name"][:200], str(grant.id), stack, identity.name, detail))
