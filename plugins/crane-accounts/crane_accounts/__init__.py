"""Accounts: who there is, and who may do what.

What other plugins use of it stands here, by name. It is imported when the first of these names is asked for, because
the database is imported with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crane_database import Migrations

from crane_core.context import get_crane
from crane_core.contributions import Loop
from crane_core.hookspecs import hookimpl

if TYPE_CHECKING:
    import flask

    from crane_accounts.directory import Account
    from crane_accounts.identities import Limits, account_id_of, identity_of
    from crane_accounts.users.operations import (
        account_by_id,
        create_account,
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
    "crane_accounts.identities": ("Limits", "account_id_of", "identity_of"),
    "crane_accounts.users.operations": (
        "account_by_id",
        "create_account",
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
    "Limits",
    "account_by_id",
    "account_id_of",
    "create_account",
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
