"""The hooks that this plugin owns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crane_core.hookspecs import hookspec

if TYPE_CHECKING:
    from crane_auth.methods import Method


@hookspec
def crane_auth_methods() -> Iterable[Method]:  # type: ignore[empty-body]
    """Contribute ways to log in.

    Called once, when somebody first asks how one can log in. Two ways of one name are refused. What follows a login is
    the same for all: the account is made when somebody comes for the first time, a second factor is asked for after a
    password, and a session begins.

    :returns: Methods; a name stands in URLs.
    """
