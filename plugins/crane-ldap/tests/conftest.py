"""A server whose people are in a real directory, over a Swarm in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import crane_ldap
import pytest
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser, auth_plugins
from crane_ldap.directory import Directory
from crane_ldap.settings import SETTINGS, read_options
from flask import Flask

from crane_core.plugins import Plugin
from crane_core.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))

from slapd import GROUPS, PEOPLE, SEARCHER, SEARCHER_PASSWORD, Slapd, slapd

__all__ = ["slapd"]


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """LDAP and what it requires."""
    return [*auth_plugins(), Plugin("ldap", "crane-ldap", "0.1.0", module=crane_ldap)]


@pytest.fixture
def more_settings() -> dict[str, Any]:
    """What a test sets besides, or otherwise."""
    return {}


@pytest.fixture
def crane_settings(slapd: Slapd, more_settings: dict[str, Any]) -> dict[str, Any]:
    """The directory of the tests."""
    return {
        "auth.setup_token": SETUP_TOKEN,
        "ldap.url": f"ldap://localhost:{slapd.port}",
        "ldap.tls_ca": str(slapd.ca),
        "ldap.bind_dn": SEARCHER,
        "ldap.bind_password": SEARCHER_PASSWORD,
        "ldap.base": PEOPLE,
        "ldap.group_base": GROUPS,
        "ldap.groups": ["Swarm Operators=operators", "auditors=auditors"],
        # As long as a busy machine may let it wait.
        "ldap.connect_seconds": 60.0,
        "ldap.answer_seconds": 60.0,
        **more_settings,
    }


@pytest.fixture
def make(crane_settings: dict[str, Any]) -> Callable[[dict[str, Any]], Directory]:
    """Make what asks the directory, with other settings."""

    def act(others: dict[str, Any]) -> Directory:
        own = {name: value for name, value in crane_settings.items() if name.startswith("ldap.")}
        options = read_options(Settings(SETTINGS, overrides={**own, **others}))
        assert options is not None
        return Directory(options)

    return act


@pytest.fixture
def directory(make: Callable[[dict[str, Any]], Directory]) -> Directory:
    """What asks the directory."""
    return make({})


@pytest.fixture
def visitor(crane_app: Flask) -> Callable[..., Browser]:
    """Make a browser that knows nobody yet."""

    def make(**how: Any) -> Browser:
        return Browser(crane_app.test_client(), **how)

    return make


@pytest.fixture
def admin(visitor: Callable[..., Browser]) -> Browser:
    """The first administrator, who has a password here."""
    made = visitor()
    made.ask("POST", "auth/setup", {"token": SETUP_TOKEN, "name": "root", "password": PASSWORD}, 201)
    for group in ("operators", "auditors"):
        made.ask("POST", "groups", {"name": group}, 201)
    return made
