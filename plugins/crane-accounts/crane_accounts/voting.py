"""Votes: may an account do this, and why. Asks no database; what does not depend on the target is worked out once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from crane_accounts.directory import ADMIN, Directory, Group, Held, Scope, ScopeKind
from crane_accounts.identities import Limits, account_id_of, limits_of
from crane_accounts.keeping import Directories
from crane_accounts.labels import KINDS, Labelled, Letter, is_granted, label_of, letters_of
from crane_accounts.names import matches
from crane_accounts.roles.builtin import BuiltIn, actions_of
from crane_core.context import Crane
from crane_core.security import Identity, Target, Vote

Ballot = Callable[[Target], "Vote | None"]
# How many prepared votes are kept.
MOST_KEPT = 5_000


class Ballots:
    """The room of one server that keeps prepared votes for as long as nothing changes."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._lock = threading.Lock()
        self._directory: Directory | None = None
        self._kept: dict[tuple[int, str, Limits | None], Ballot] = {}

    def find(self, identity: Identity, action: str) -> Ballot | None:
        """Return what votes on whether an identity may do something; None where it is no account."""
        if (account_id := account_id_of(identity)) is None:
            return None
        directory = self._crane.room(Directories).current
        key = (account_id, action, limits_of(identity))
        with self._lock:
            if directory is not self._directory or len(self._kept) >= MOST_KEPT:
                self._kept, self._directory = {}, directory
            found = self._kept.get(key)
        if found is None:
            found = prepare(self._crane, directory, account_id, action, key[2])
            with self._lock:
                if directory is self._directory:
                    self._kept[key] = found
        return found


def prepare(crane: Crane, directory: Directory, account_id: int, action: str, limits: Limits | None = None) -> Ballot:
    """Return what votes on whether an account may do something."""
    account = directory.accounts.get(account_id)
    if account is None:
        return _always(Vote.deny("the account was removed"))
    if account.disabled:
        return _always(Vote.deny(f"the account {account.name} is disabled"))
    if limits is not None and limits.actions is not None and action not in limits.actions:
        return _always(Vote.deny("the token that was sent is not for this"))
    held = list(directory.held_by(account_id))
    return prepare_for(crane, directory, account.name, held, directory.groups_of(account_id), action, limits)


def prepare_for(
    crane: Crane,
    directory: Directory,
    name: str,
    held: Iterable[Held],
    groups: Iterable[Group],
    action: str,
    limits: Limits | None = None,
) -> Ballot:
    """Return what votes on whether somebody may do something who holds some grants, and is in some groups."""
    giving = [each for each in held if action in actions_of(crane, directory, each.grant.role)]
    return _Prepared(crane, directory, name, action, giving, _label_rules(crane, groups, action), limits)


def _always(vote: Vote) -> Ballot:
    return lambda target: vote


@dataclass(frozen=True)
class _LabelRule:
    """A label that grants the action to whoever is in its group."""

    label: str
    group: str
    letter: Letter


def _label_rules(crane: Crane, groups: Iterable[Group], action: str) -> tuple[_LabelRule, ...]:
    builtin = crane.room(BuiltIn).roles
    letters = letters_of(action, builtin["viewer"].actions, builtin["operator"].actions)
    return tuple(_LabelRule(label_of(group.name, letter), group.name, letter) for group in groups for letter in letters)


class _Grants:
    """Grants of one account that give one action, or withhold it."""

    def __init__(self, name: str, held: Iterable[Held]) -> None:
        self.held = tuple(held)
        self._name = name
        # What was found of each stack; there are few of them, and thousands of tasks.
        self._stacks: dict[str, Vote | None] = {}
        self.everything = self.find("everything", "")

    def on_stack(self, stack: str) -> Vote | None:
        """Return what the grants on stacks say of one."""
        try:
            return self._stacks[stack]
        except KeyError:
            found = self._stacks[stack] = self.find("stack", stack)
            return found

    def find(self, kind: ScopeKind, name: str) -> Vote | None:
        """Return what the grants on a kind of scope say of a name: one that denies, else one that allows."""
        allowed: Held | None = None
        for each in self.held:
            scope = each.grant.scope
            if scope.kind != kind or not Scope(kind, name).lies_in(scope):
                continue
            if each.grant.effect == "deny":
                return Vote.deny(say(self._name, each))
            allowed = allowed or each
        return Vote.allow(say(self._name, allowed)) if allowed else None


class _Prepared:
    """Votes of one account on one action."""

    def __init__(
        self,
        crane: Crane,
        directory: Directory,
        name: str,
        action: str,
        held: Iterable[Held],
        rules: tuple[_LabelRule, ...],
        limits: Limits | None,
    ) -> None:
        self._crane = crane
        self._directory = directory
        self._name = name
        self._kind, _, self._verb = action.partition(":")
        contributed = crane.actions.get(action)
        self._within: tuple[str, ...] = contributed.within if contributed else ()
        # A role on a stack gives nothing that is a matter of the whole server.
        self._grants = _Grants(name, [each for each in held if each.grant.scope.kind in ("everything", *self._within)])
        self._others: dict[str, _Grants] = {}
        self._rules = rules
        self._stacks = limits.stacks if limits else None

    def __call__(self, target: Target) -> Vote | None:
        """Vote on a target."""
        everything = self._grants.everything
        if everything is not None and not everything.allows:
            return everything
        if self._verb == "read" and target.kind not in (self._kind, "server"):
            return self._on(target, self._about(target))
        if not target.name and not target.id and target.stack is None:
            return self._in_general()
        return self._on(target, self._grants)

    def _on(self, target: Target, grants: _Grants) -> Vote | None:
        if self._stacks is not None and not self._is_for(target.stack):
            return Vote.deny("the token that was sent is not for this stack, nor for what is in none")
        vote = grants.on_stack(target.stack) if target.stack is not None else None
        if vote is not None and not vote.allows:
            return vote
        for kind, name in _scopes_of(target):
            other = grants.find(kind, name)
            if other is not None and not other.allows:
                return other
            vote = vote or other
        if vote is None and self._rules and target.labels and target.kind in KINDS:
            vote = self._by_label(target)
        return vote or grants.everything

    def _is_for(self, stack: str | None) -> bool:
        """Tell whether the token that was sent is for a stack."""
        return stack is not None and any(matches(pattern, stack) for pattern in self._stacks or ())

    def _by_label(self, target: Target) -> Vote | None:
        for rule in self._rules:
            if is_granted(target.labels, rule.label):
                return Vote.allow(f"a label of the service grants {rule.letter} to the group {rule.group}")
        return None

    def _in_general(self) -> Vote | None:
        """Vote on the kind as a whole: who may do it to some object may ask for the list, which is filtered."""
        if self._stacks is not None and "stack" not in self._within:
            return Vote.deny("the token that was sent is only for some stacks")
        if self._grants.everything is not None:
            return self._grants.everything
        scopes = ("stack",) if self._stacks is not None else self._within
        for each in self._grants.held:
            if each.grant.effect == "allow" and each.grant.scope.kind in scopes:
                return Vote.allow(say(self._name, each))
        if self._rules and self._kind in (*KINDS, "live"):
            granted = self._crane.room(Labelled).labels()
            for rule in self._rules:
                if rule.label in granted:
                    return Vote.allow(f"a label of a service grants {rule.letter} to the group {rule.group}")
        return None

    def _about(self, target: Target) -> _Grants:
        """Return the grants that count for reading of something else than the action names, as of a user.

        Who may read what happened may not read of everything: the role must let them read that too. What no action
        reads is known to nobody but an admin, unless it belongs to a stack.
        """
        action = f"{target.kind}:{self._verb}"
        if action not in self._crane.actions and target.stack is not None:
            return self._grants
        if action not in self._others:
            self._others[action] = _Grants(
                self._name,
                (
                    each
                    for each in self._grants.held
                    if each.grant.effect == "deny"
                    or each.grant.role == ADMIN
                    or action in actions_of(self._crane, self._directory, each.grant.role)
                ),
            )
        return self._others[action]


# What a target is that lies in a scope by its own name.
_SCOPES: Mapping[str, ScopeKind] = {"node": "node", "repository": "registry"}


def _scopes_of(target: Target) -> Iterator[tuple[ScopeKind, str]]:
    """Yield the scopes besides its stack that a target lies in, each with the name that it lies there by."""
    if target.kind in _SCOPES:
        yield _SCOPES[target.kind], target.name
    if target.node is not None:
        yield "node", target.node


def say(name: str, each: Held) -> str:
    """Say in words what a grant gives to somebody, or withholds.

    >>> from crane_accounts.directory import Grant, Group, Scope
    >>> say("bob", Held(Grant(1, "allow", "operator", Scope("stack", "shop"), group_id=2), Group(2, "shop-team")))
    'bob is operator on the stack shop by the group shop-team'
    """
    grant = each.grant
    verb = "is" if grant.effect == "allow" else "is denied"
    where = "" if grant.scope.kind == "everything" and grant.effect == "allow" else f" on {grant.scope}"
    return f"{name} {verb} {grant.role}{where}" + (f" by the group {each.group.name}" if each.group else "")
