"""Ways to log in, which this plugin and others contribute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crane_accounts import Account, provide_account

from crane_auth.errors import MethodNotFound
from crane_core.context import Crane


@dataclass(frozen=True)
class Outside:
    """Somebody whom another directory or an identity provider knows.

    :param subject: What they are known by there; it never changes, and is never another's.
    :param name: What their account here is to be called.
    :param groups: The groups here that they belong to by what is known there; None leaves their groups alone.
    """

    subject: str
    name: str
    display_name: str = ""
    email: str = ""
    groups: frozenset[str] | None = None


@dataclass(frozen=True)
class Start:
    """Where a browser is sent to log in.

    :param url: The address.
    :param kept: What the method needs to know when the browser comes back; it is kept on the server meanwhile.
    """

    url: str
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A way to log in.

    :param name: In URLs, in lists of sessions, and for those who log in by it the beginning of their ``source``.
    :param title: What stands on its button.
    :param kind: ``password`` asks for name and password here; ``redirect`` sends the browser elsewhere.
    :param check: For ``password``: tells whose name and password these are; None when they are nobody's. It raises a
        ``CraneError`` where that cannot be found out.
    :param start: For ``redirect``: called with the URL that the browser is to come back to, and a state that it must
        bring back.
    :param finish: For ``redirect``: called with the query that the browser came back with, the URL that it came to, and
        what ``start`` had kept; returns who it is, or raises a ``CraneError``.
    :param source: The source of the accounts that are made by it; its name unless given.
    """

    name: str
    title: str
    kind: Literal["password", "redirect"]
    check: Callable[[str, str], Account | Outside | None] | None = None
    start: Callable[[str, str], Start] | None = None
    finish: Callable[[Mapping[str, str], str, Mapping[str, Any]], Outside] | None = None
    source: str = ""


class Methods:
    """The room of one server that has its ways to log in."""

    def __init__(self, crane: Crane) -> None:
        self._known: dict[str, Method] = crane.plugins.collect_named("crane_auth_methods")

    def __iter__(self) -> Any:
        return iter(self._known.values())

    def get(self, name: str, kind: str) -> Method:
        """Return a way to log in.

        :raises MethodNotFound: when there is none of that name and kind.
        """
        method = self._known.get(name)
        if method is None or method.kind != kind:
            names = ", ".join(method.name for method in self if method.kind == kind)
            raise MethodNotFound(f"Nobody logs in by {name} here{f'; there is {names}' if names else ''}.")
        return method


def account_of(method: Method, found: Account | Outside) -> Account:
    """Return the account of somebody who logged in, made now if they come for the first time."""
    if isinstance(found, Account):
        return found
    return provide_account(
        method.source or method.name, found.subject, found.name, found.display_name, found.email, found.groups
    )
