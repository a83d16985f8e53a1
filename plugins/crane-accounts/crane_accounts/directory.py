"""The directory: who there is, and what was granted to whom, as it stands at one moment.

A server holds one of these in memory and never changes it, so that a vote asks no database and sees one state only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from crane_accounts.names import matches, overlap

AccountKind = Literal["user", "service"]
Effect = Literal["allow", "deny"]
ScopeKind = Literal["everything", "stack", "node", "registry"]
ADMIN = "admin"
LOCAL_SOURCE = "local"


@dataclass(frozen=True)
class Account:
    """A user, or the account of a program.

    :param id: Never given to another account.
    :param source: Who vouches for it: ``local``, or where its logins come from, as in ``ldap`` or ``oidc:<provider>``.
    """

    id: int
    name: str
    kind: AccountKind = "user"
    display_name: str = ""
    email: str = ""
    disabled: bool = False
    source: str = LOCAL_SOURCE
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Group:
    """A group of accounts."""

    id: int
    name: str
    description: str = ""
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Role:
    """A set of actions.

    :param built_in: Whether it is made of the actions that there are, and cannot be changed.
    """

    name: str
    actions: frozenset[str]
    description: str = ""
    built_in: bool = False
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Scope:
    """What a grant is about.

    :param pattern: The name of a stack, node or repository, in which ``*`` stands for anything; empty for everything.
    """

    kind: ScopeKind = "everything"
    pattern: str = ""

    def lies_in(self, other: Scope) -> bool:
        """Tell whether all of this scope is in another one. A name is a pattern of one name.

        >>> Scope("stack", "shop-*").lies_in(Scope("stack", "*")), EVERYTHING.lies_in(Scope("stack", "*"))
        (True, False)
        """
        if other.kind == "everything":
            return True
        # A namespace of a registry is all that lies within it.
        return self.kind == other.kind and any(matches(pattern, self.pattern) for pattern in other._patterns())

    def meets(self, other: Scope) -> bool:
        """Tell whether something may lie in both scopes.

        >>> Scope("stack", "shop-*").meets(Scope("stack", "*-web")), Scope("node", "*").meets(Scope("stack", "*"))
        (True, False)
        """
        if "everything" in (self.kind, other.kind):
            return True
        return self.kind == other.kind and any(
            overlap(one, another) for one in self._patterns() for another in other._patterns()
        )

    def _patterns(self) -> tuple[str, ...]:
        return (self.pattern, f"{self.pattern}/*") if self.kind == "registry" else (self.pattern,)

    def __str__(self) -> str:
        if self.kind == "everything":
            return "everything"
        return f"the {self.kind} {self.pattern}" if "*" not in self.pattern else f"{self.kind}s {self.pattern}"


EVERYTHING = Scope()


@dataclass(frozen=True)
class Grant:
    """A role that is given to somebody, or withheld from them, on a scope.

    :param account_id: Who holds it; None where a group does.
    """

    id: int
    effect: Effect
    role: str
    scope: Scope = EVERYTHING
    account_id: int | None = None
    group_id: int | None = None
    created_by: str = ""
    created_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Membership:
    """An account in a group.

    :param source: Who put it there: ``local``, or where its logins come from.
    """

    group_id: int
    account_id: int
    source: str = LOCAL_SOURCE


@dataclass(frozen=True)
class Held:
    """A grant that concerns an account: its own, or by a group."""

    grant: Grant
    group: Group | None = None


@dataclass(frozen=True)
class Directory:
    """Everybody, and every grant, at one moment.

    :param version: Counts the changes; of two directories of one database, the higher one is the newer.
    :param roles: Those of one's own; the built-in ones are made of the actions that there are.
    """

    version: int
    accounts: Mapping[int, Account]
    groups: Mapping[int, Group]
    memberships: tuple[Membership, ...]
    roles: Mapping[str, Role]
    grants: Mapping[int, Grant]

    @cached_property
    def _accounts_by_name(self) -> Mapping[str, Account]:
        return {account.name: account for account in self.accounts.values()}

    @cached_property
    def _groups_by_name(self) -> Mapping[str, Group]:
        return {group.name: group for group in self.groups.values()}

    @cached_property
    def _groups_of(self) -> Mapping[int, tuple[int, ...]]:
        found: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for membership in self.memberships:
            found[membership.account_id][membership.group_id] = None
        return {account: tuple(groups) for account, groups in found.items()}

    @cached_property
    def _members_of(self) -> Mapping[int, tuple[Membership, ...]]:
        found: defaultdict[int, list[Membership]] = defaultdict(list)
        for membership in self.memberships:
            found[membership.group_id].append(membership)
        return {group: tuple(members) for group, members in found.items()}

    @cached_property
    def _grants_by_account(self) -> Mapping[int, tuple[Grant, ...]]:
        found: defaultdict[int, list[Grant]] = defaultdict(list)
        for grant in self.grants.values():
            if grant.account_id is not None:
                found[grant.account_id].append(grant)
        return {account: tuple(grants) for account, grants in found.items()}

    @cached_property
    def _grants_by_group(self) -> Mapping[int, tuple[Grant, ...]]:
        found: defaultdict[int, list[Grant]] = defaultdict(list)
        for grant in self.grants.values():
            if grant.group_id is not None:
                found[grant.group_id].append(grant)
        return {group: tuple(grants) for group, grants in found.items()}

    def account_named(self, name: str) -> Account | None:
        """Return the account of a name, None when there is none."""
        return self._accounts_by_name.get(name)

    def group_named(self, name: str) -> Group | None:
        """Return the group of a name, None when there is none."""
        return self._groups_by_name.get(name)

    def groups_of(self, account_id: int) -> tuple[Group, ...]:
        """Return the groups that an account is in."""
        return tuple(self.groups[group] for group in self._groups_of.get(account_id, ()))

    def members_of(self, group_id: int) -> tuple[Membership, ...]:
        """Return who is in a group, and by whom; an account may be there twice."""
        return self._members_of.get(group_id, ())

    def memberships_of(self, account_id: int) -> tuple[Membership, ...]:
        """Return what an account is a member of, and by whom."""
        return tuple(
            membership
            for group in self._groups_of.get(account_id, ())
            for membership in self.members_of(group)
            if membership.account_id == account_id
        )

    def grants_of_group(self, group_id: int) -> tuple[Grant, ...]:
        """Return the grants of a group."""
        return self._grants_by_group.get(group_id, ())

    def held_by(self, account_id: int) -> Iterator[Held]:
        """Yield every grant that concerns an account."""
        for grant in self._grants_by_account.get(account_id, ()):
            yield Held(grant)
        for group in self.groups_of(account_id):
            for grant in self.grants_of_group(group.id):
                yield Held(grant, group)

    @cached_property
    def admins(self) -> frozenset[int]:
        """The users who may do everything: nothing is withheld from them everywhere, and they are not disabled."""
        return frozenset(
            account.id
            for account in self.accounts.values()
            if account.kind == "user" and not account.disabled and self._is_admin(account.id)
        )

    def _is_admin(self, account_id: int) -> bool:
        everywhere = [held.grant for held in self.held_by(account_id) if held.grant.scope.kind == "everything"]
        return any(grant.effect == "allow" and grant.role == ADMIN for grant in everywhere) and not any(
            grant.effect == "deny" for grant in everywhere
        )


EMPTY = Directory(0, MappingProxyType({}), MappingProxyType({}), (), MappingProxyType({}), MappingProxyType({}))
