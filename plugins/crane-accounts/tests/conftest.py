"""A server with a database and accounts, over a Swarm in memory; on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import crane_accounts
import crane_database
import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.errors import Unauthenticated
from crane_core.events import Event
from crane_core.plugins import Plugin
from crane_core.security import LOCAL, Identity
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

Ask = Callable[..., TestResponse]


def login() -> Plugin:
    """Make a plugin that believes everybody who they say they are: the account of a header, or the operator."""

    def crane_authenticate(request: Request) -> Identity | None:
        name = request.headers.get("X-Account")
        if name == "the-operator":
            return LOCAL
        if name is None or (account := crane_accounts.find_account(name)) is None:
            return None
        limits = request.headers.get("X-Limits")
        told = json.loads(limits) if limits else {}
        actions, stacks = told.get("actions"), told.get("stacks")
        identity = crane_accounts.identity_of(
            account.id,
            crane_accounts.Limits(
                None if actions is None else frozenset(actions), None if stacks is None else tuple(stacks)
            ),
        )
        if identity is None:
            raise Unauthenticated("The account is disabled.")
        return identity

    return make_plugin("login", crane_authenticate)


def accounts_plugins() -> list[Plugin]:
    """Return the accounts and what they require, as their entry points give them, and a login."""
    return [
        Plugin("database", "crane-database", "0.1.0", module=crane_database),
        Plugin("accounts", "crane-accounts", "0.1.0", module=crane_accounts),
        login(),
    ]


@pytest.fixture
def make_plugins() -> Callable[[], list[Plugin]]:
    """Return the plugins of another server."""
    return accounts_plugins


@pytest.fixture
def events() -> list[Event]:
    """What plugins were told of."""
    return []


@pytest.fixture
def crane_plugins(events: list[Event]) -> list[Plugin]:
    """The database, the accounts, a login, and who listens."""

    def crane_event(event: Event) -> None:
        events.append(event)

    return [*accounts_plugins(), make_plugin("ear", crane_event)]


@pytest.fixture
def database_url(upgraded_url: str) -> str:
    """A database that has the tables of the plugins."""
    return upgraded_url


@pytest.fixture
def crane_settings(database_url: str) -> dict[str, Any]:
    """The database of the test."""
    return {"database.url": database_url}


@pytest.fixture
def ask(crane_app: Flask) -> Ask:
    """Ask the API as somebody."""
    client: FlaskClient = crane_app.test_client(use_cookies=False)

    def ask(name: str, method: str, path: str, body: Any = None, limits: Any = None, **options: Any) -> TestResponse:
        headers = {"X-Account": name, **({"X-Limits": json.dumps(limits)} if limits else {})}
        return client.open(f"/api/v1{path}", method=method, json=body, headers=headers, **options)

    return ask


@pytest.fixture
def root(ask: Ask) -> Callable[..., Any]:
    """Ask the API as whoever runs the server, who may do everything; it must go well."""

    def asked(method: str, path: str, body: Any = None) -> Any:
        answer = ask("the-operator", method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json

    return asked


@pytest.fixture
def people(root: Callable[..., Any]) -> Callable[..., None]:
    """Make users, each with grants as ``role``, ``role@stack`` or, withheld, ``-role@stack``."""

    def make(**grants: str) -> None:
        for name, given in grants.items():
            root("POST", "/users", {"name": name})
            give(root, given, account=name)

    return make


@pytest.fixture
def teams(root: Callable[..., Any]) -> Callable[..., None]:
    """Make groups with grants, as people have them, and members: ``team="operator@shop: ann bob"``."""

    def make(**described: str) -> None:
        for name, text in described.items():
            given, _, members = text.partition(":")
            group = name.replace("_", "-")
            root("POST", "/groups", {"name": group})
            give(root, given, group=group)
            for member in members.split():
                root("POST", f"/groups/{group}/members", {"name": member})

    return make


def give(root: Callable[..., Any], given: str, **holder: str) -> None:
    """Grant what is described."""
    for each in given.split():
        role, _, stack = each.removeprefix("-").partition("@")
        where = {"scope": "stack", "on": stack} if stack else {}
        root("POST", "/grants", {"role": role, "effect": "deny" if each[0] == "-" else "allow", **where, **holder})


@pytest.fixture
def look(crane: Crane, swarm: MemorySwarm) -> Callable[[], None]:
    """Let the Swarm come to rest, and the server look at it."""

    def act() -> None:
        swarm.settle()
        crane.watcher.look(full=True)
        crane.events.drain()

    return act


@pytest.fixture
def deploy(root: Callable[..., Any], look: Callable[[], None]) -> Callable[..., None]:
    """Deploy stacks of one service each, ``web``, unless told of others."""

    def act(*stacks: str, content: str = "services: {web: {image: 'nginx:1'}}") -> None:
        for stack in stacks:
            body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
            root("PUT", f"/stacks/{stack}", body)
        look()

    return act
