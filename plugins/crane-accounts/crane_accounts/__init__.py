"""Accounts: who there is, and who may do what.

What other plugins use of it stands here, by name. It is imported when the first of these names is asked for, because
the database is imported with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crane_database import Migrations

from crane_accounts import quotas
from crane_accounts.grants.routes import blueprint as grants
from crane_accounts.grants.routes import find_grant, grant_listing
from crane_accounts.groups.routes import blueprint as groups
from crane_accounts.groups.routes import find_group, group_listing
from crane_accounts.roles.routes import blueprint as roles
from crane_accounts.roles.routes import find_role, role_listing
from crane_accounts.users.routes import blueprint as users
from crane_accounts.users.routes import find_user, user_listing
from crane_core.context import get_crane
from crane_core.contributions import Action, Deployment, EventKind, Loop, Topic, Violation
from crane_core.hookspecs import hookimpl
from crane_core.security import Identity, Target, Vote

if TYPE_CHECKING:
    import flask

    from crane_accounts.directory import Account
    from crane_accounts.errors import AlreadySetUp
    from crane_accounts.identities import Limits, account_id_of, identity_of
    from crane_accounts.users.operations import (
        account_by_id,
        create_account,
        demand_no_less,
        find_account,
        get_account,
        has_admin,
        make_admin,
        make_first_admin,
        provide_account,
    )

requires = ("database",)

_OFFERED = {
    "crane_accounts.directory": ("Account",),
    "crane_accounts.errors": ("AlreadySetUp",),
    "crane_accounts.identities": ("Limits", "account_id_of", "identity_of"),
    "crane_accounts.users.operations": (
        "account_by_id",
        "create_account",
        "demand_no_less",
        "find_account",
        "get_account",
        "has_admin",
        "make_admin",
        "make_first_admin",
        "provide_account",
    ),
}
_WHERE = {name: module for module, names in _OFFERED.items() for name in names}

__all__ = [
    "Account",
    "AlreadySetUp",
    "Limits",
    "account_by_id",
    "account_id_of",
    "create_account",
    "demand_no_less",
    "find_account",
    "get_account",
    "has_admin",
    "identity_of",
    "make_admin",
    "make_first_admin",
    "provide_account",
]


def __getattr__(name: str) -> Any:
    """Import what other plugins use when they do."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action("user:read", "See users, and accounts of programs.", find_user)
    yield Action("user:create", "Make users, and accounts of programs.")
    yield Action("user:update", "Change and disable accounts that may do no more than oneself.", find_user)
    yield Action("user:remove", "Remove accounts that may do no more than oneself.", find_user)
    yield Action("group:read", "See groups, and who is in them.", find_group)
    yield Action("group:create", "Make groups.")
    yield Action("group:update", "Change what is said of groups.", find_group)
    yield Action("group:remove", "Remove groups.", find_group)
    yield Action("member:create", "Put accounts into groups that give no more than one holds.", find_group)
    yield Action("member:remove", "Take accounts out of groups.", find_group)
    yield Action("role:read", "See roles.", find_role)
    yield Action("role:create", "Make roles.")
    yield Action("role:update", "Change roles that give no more than one holds.", find_role)
    yield Action("role:remove", "Remove roles.", find_role)
    yield Action("grant:read", "See what was granted to whom.", find_grant, within=("stack",), role="admin")
    yield Action("grant:create", "Grant what one holds, and withhold it.", within=("stack",), role="admin")
    yield Action("grant:remove", "Take back what was granted.", find_grant, within=("stack",), role="admin")
    yield from quotas.actions()


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield from (users, groups, roles, grants)
    yield from quotas.routes()


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield Topic(
        "users",
        "user:read",
        "Users, and accounts of programs, as `GET /api/v1/users` lists them.",
        lambda crane, _: user_listing(crane),
        lambda row: str(row["name"]),
    )
    yield Topic(
        "groups",
        "group:read",
        "Groups, as `GET /api/v1/groups` lists them.",
        lambda crane, _: group_listing(crane),
        lambda row: str(row["name"]),
    )
    yield Topic(
        "roles",
        "role:read",
        "Roles, as `GET /api/v1/roles` lists them.",
        lambda crane, _: role_listing(crane),
        lambda row: str(row["name"]),
    )
    yield Topic(
        "grants",
        "grant:read",
        "Grants, as `GET /api/v1/grants` lists them.",
        lambda crane, _: grant_listing(crane),
        lambda row: str(row["id"]),
    )


@hookimpl
def crane_prepare_vote(identity: Identity, action: str) -> Callable[[Target], Vote | None] | None:
    from crane_accounts.voting import Ballots

    return get_crane().room(Ballots).find(identity, action)


@hookimpl
def crane_validate_deployment(deployment: Deployment) -> Iterator[Violation]:
    from crane_accounts.objections import object_to

    yield from object_to(get_crane(), deployment)
    yield from quotas.validate_deployment(deployment)


@hookimpl
def crane_event_kinds() -> Iterator[EventKind]:
    yield EventKind("user.created", "An account was made; the detail has its kind, and where it comes from.")
    yield EventKind("user.updated", "An account was changed; the detail names what.")
    yield EventKind("user.removed", "An account was removed.")
    yield EventKind("group.created", "A group was made.")
    yield EventKind("group.updated", "A group was changed; the detail names what, or who came or went.")
    yield EventKind("group.removed", "A group was removed.")
    yield EventKind("role.created", "A role was made; the detail has its actions.")
    yield EventKind("role.updated", "The actions of a role were changed; the detail has which.")
    yield EventKind("role.removed", "A role was removed.")
    yield EventKind("grant.created", "Somebody was granted or denied something; the detail has whom and what.")
    yield EventKind("grant.removed", "A grant was removed; the detail is as when it was made.")
    yield EventKind("quota.created", "A quota was set; the detail has its limits.")
    yield EventKind("quota.updated", "A quota was changed; the detail has its limits.")
    yield EventKind("quota.removed", "A quota was removed.")


@hookimpl
def crane_loops() -> Iterator[Loop]:
    from crane_accounts.keeping import Directories

    yield Loop("accounts.watch", lambda stop: get_crane().room(Directories).run(stop))


@hookimpl
def crane_database_migrations() -> Iterator[Migrations]:
    yield Migrations("crane_accounts.models", "crane_accounts.migrations")


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    from crane_accounts.keeping import start

    start(app)
