"""LDAP: log in with the accounts of a directory, and belong to the groups that it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_auth import Method, Outside

from crane_core.context import get_crane
from crane_core.contributions import Setting
from crane_core.hookspecs import hookimpl
from crane_ldap.settings import SETTINGS, read_options

if TYPE_CHECKING:
    import flask

requires = ("auth",)
NAME = "ldap"


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield from SETTINGS


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    # What is set wrong is to be known now, and not when the first one cannot log in.
    read_options(app.extensions["crane"].settings)


@hookimpl
def crane_auth_methods() -> Iterator[Method]:
    settings = get_crane().settings
    if settings["ldap.url"]:
        yield Method(NAME, str(settings["ldap.title"]), "password", check=_check)


def _check(name: str, password: str) -> Outside | None:
    # What speaks LDAP takes a while to import, and is not needed by who logs in otherwise.
    from crane_ldap.directory import Lookup

    return get_crane().room(Lookup).directory.check(name, password)
