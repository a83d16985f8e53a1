"""A server that asks for logins, over a Swarm in memory; on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import crane_accounts
import pytest
from crane_auth.clock import Clock
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser, auth_plugins
from flask import Flask

from crane_core.context import Crane
from crane_core.events import Event
from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin


@pytest.fixture
def told() -> list[Event]:
    """What plugins were told."""
    return []


@pytest.fixture
def crane_plugins(told: list[Event]) -> list[Plugin]:
    """The logins, what they require, and somebody who listens."""

    def crane_event(event: Event) -> None:
        told.append(event)

    return [*auth_plugins(), make_plugin("listener", crane_event)]


@pytest.fixture
def more_settings() -> dict[str, Any]:
    """What a test sets besides."""
    return {}


@pytest.fixture
def database_url(upgraded_url: str) -> str:
    """A database that has the tables of the plugins."""
    return upgraded_url


@pytest.fixture
def crane_settings(database_url: str, more_settings: dict[str, Any]) -> dict[str, Any]:
    """The database of the test, and a setup token that it knows."""
    return {"database.url": database_url, "auth.setup_token": SETUP_TOKEN, **more_settings}


@pytest.fixture
def visitor(crane_app: Flask) -> Callable[..., Browser]:
    """Make a browser that knows nobody yet."""

    def make(**how: Any) -> Browser:
        return Browser(crane_app.test_client(), **how)

    return make


@pytest.fixture
def ann(visitor: Callable[..., Browser]) -> Browser:
    """Ann, the first administrator, logged in."""
    made = visitor()
    body = {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD, "display_name": "Ann"}
    made.ask("POST", "auth/setup", body, 201)
    return made


@pytest.fixture
def bob(ann: Browser, visitor: Callable[..., Browser], make_account: Callable[..., Any]) -> Browser:
    """Bob, who may do nothing yet, logged in."""
    make_account("bob")
    ann.ask("PUT", "passwords/bob", {"password": PASSWORD, "must_change": False}, 204)
    made = visitor(address="192.0.2.2")
    made.log_in("bob")
    return made


@pytest.fixture
def make_account(crane_app: Flask) -> Callable[..., Any]:
    """Make an account."""

    def make(name: str, **how: Any) -> Any:
        with crane_app.app_context():
            return crane_accounts.create_account(name, **how)

    return make


@pytest.fixture
def later(crane: Crane) -> Callable[..., None]:
    """Let time go by."""

    def act(**how: float) -> None:
        crane.room(Clock).ahead += timedelta(**how)

    return act


@pytest.fixture
def still(crane: Crane) -> None:
    """Let no time go by by itself: what is to happen within a second happens within it, however busy the machine is."""
    crane.room(Clock).stands_at = datetime.now(UTC)


@pytest.fixture
def events(crane: Crane, told: list[Event]) -> Callable[[], list[tuple[str, str, str]]]:
    """Return what was told so far of logins: kind, name, and by whom."""

    def act() -> list[tuple[str, str, str]]:
        crane.events.drain()
        kinds = ("login", "session", "token", "password", "factor")
        return [(event.kind, event.name, event.by) for event in told if event.kind.partition(".")[0] in kinds]

    return act
