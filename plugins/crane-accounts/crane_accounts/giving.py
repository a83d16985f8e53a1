"""Giving away: nobody gives more than they hold, and nobody takes from who holds more."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from crane_accounts.directory import Account, Directory, Grant, Scope
from crane_accounts.errors import MoreThanYouHold
from crane_accounts.identities import account_id_of, limits_of
from crane_accounts.labels import groups_in
from crane_accounts.names import matches
from crane_accounts.roles.builtin import actions_of
from crane_core.context import Crane
from crane_core.security import Identity, Target, decide, may_everything

_SHOWN = 3


def find_missing(
    crane: Crane, directory: Directory, identity: Identity, actions: Iterable[str], scope: Scope
) -> list[str]:
    """Return the actions that somebody does not hold on all of a scope."""
    if may_everything(identity):
        return []
    # On anything less than everything, a role gives only what can belong to it.
    meant = [name for name in sorted(actions) if scope.kind == "everything" or _is_within(crane, name, scope)]
    account_id = account_id_of(identity)
    if account_id is None:
        # Of somebody whom another plugin knows, only that plugin can tell.
        return [name for name in meant if not decide(crane, identity, name, Target("server", str(scope))).allows]
    return [name for name in meant if not _holds(crane, directory, account_id, identity, name, scope)]


def _is_within(crane: Crane, action: str, scope: Scope) -> bool:
    contributed = crane.actions.get(action)
    return contributed is not None and scope.kind in contributed.within


def _holds(crane: Crane, directory: Directory, account_id: int, identity: Identity, action: str, scope: Scope) -> bool:
    account = directory.accounts.get(account_id)
    if account is None or account.disabled or not _is_unlimited(identity, action, scope):
        return False
    grants = [
        held.grant for held in directory.held_by(account_id) if action in actions_of(crane, directory, held.grant.role)
    ]
    withheld = any(grant.effect == "deny" and grant.scope.meets(scope) for grant in grants)
    return not withheld and any(grant.effect == "allow" and scope.lies_in(grant.scope) for grant in grants)


def _is_unlimited(identity: Identity, action: str, scope: Scope) -> bool:
    """Tell whether the token that was sent is for an action on all of a scope."""
    limits = limits_of(identity)
    if limits is None:
        return True
    if limits.actions is not None and action not in limits.actions:
        return False
    return limits.stacks is None or (
        scope.kind == "stack" and any(matches(pattern, scope.pattern) for pattern in limits.stacks)
    )


def demand_all(
    crane: Crane, directory: Directory, identity: Identity, actions: Iterable[str], scope: Scope, what: str
) -> None:
    """Go on only if somebody holds every action on all of a scope.

    :param what: What they are about to do, as in ``Giving the role operator on the stack shop``.
    :raises MoreThanYouHold: when they do not.
    """
    if missing := find_missing(crane, directory, identity, actions, scope):
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise MoreThanYouHold(
            f"{what} takes that you may do the same on {scope}, and you may not do {', '.join(missing[:_SHOWN])}{more} "
            "there.",
            missing=missing,
        )


def demand_grants(crane: Crane, directory: Directory, identity: Identity, grants: Collection[Grant], what: str) -> None:
    """Go on only if somebody holds all that grants give.

    :raises MoreThanYouHold: when they do not.
    """
    for grant in grants:
        demand_all(crane, directory, identity, actions_of(crane, directory, grant.role), grant.scope, what)


def demand_rank(crane: Crane, identity: Identity, account: Account, directory: Directory) -> None:
    """Go on only if somebody may do all that an account may: to act for it, to give out its tokens, to shut it out.

    :raises MoreThanYouHold: when the account may do more.
    """
    if account_id_of(identity) == account.id:
        return
    held = [held.grant for held in directory.held_by(account.id) if held.grant.effect == "allow"]
    demand_grants(crane, directory, identity, held, f"To do this to {account.name}")


def demand_labels(crane: Crane, identity: Identity, group: str, what: str) -> None:
    """Go on only if somebody may grant what the labels of services grant to a group.

    :raises MoreThanYouHold: when they may not.
    """
    for service in crane.cache.snapshot().services.values():
        if any(group == named for named, _ in groups_in(service.labels)):
            target = Target("service", service.name, service.id, service.stack, service.labels)
            if not decide(crane, identity, "grant:create", target).allows:
                raise MoreThanYouHold(
                    f"{what} takes that you may grant what the labels of the service {service.name} grant to that "
                    "group, and you may not do grant:create there."
                )
