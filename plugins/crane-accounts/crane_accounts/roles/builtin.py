"""The roles that come with Crane, made of the actions that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from crane_accounts.directory import ADMIN, Directory, Role
from crane_core.context import Crane
from crane_core.contributions import Action

# Each holds what those before it hold.
_RANKS: tuple[Literal["viewer", "operator", "admin"], ...] = ("viewer", "operator", "admin")
_TEXTS = {
    "viewer": "Sees what runs, and nothing of how the server is run.",
    "operator": "Sees what runs, and changes stacks and services.",
    ADMIN: "May do everything.",
}


class BuiltIn:
    """The room of one server that holds the roles that come with Crane."""

    def __init__(self, crane: Crane) -> None:
        self.roles: Mapping[str, Role] = {rank: make_role(rank, crane.actions) for rank in _RANKS}


def make_role(rank: Literal["viewer", "operator", "admin"], actions: Mapping[str, Action]) -> Role:
    """Make a role of the actions that there are."""
    least = _RANKS[: _RANKS.index(rank) + 1]
    held = frozenset(name for name, action in actions.items() if action.least_role in least)
    return Role(rank, held, _TEXTS[rank], built_in=True)


def find_role(crane: Crane, directory: Directory, name: str) -> Role | None:
    """Return a role by its name, None when there is none."""
    return crane.room(BuiltIn).roles.get(name) or directory.roles.get(name)


def actions_of(crane: Crane, directory: Directory, name: str) -> frozenset[str]:
    """Return the actions of a role; none where it is gone."""
    role = find_role(crane, directory, name)
    return role.actions if role else frozenset()
