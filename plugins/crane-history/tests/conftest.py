"""A server with a database and the history, over a Swarm in memory; on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import crane_database
import crane_history
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.plugins import Plugin
from crane_core.testing.swarm import MemorySwarm

WEB = "services: {web: {image: 'nginx:1'}}"


def history_plugins() -> list[Plugin]:
    """Return the history and what it requires, as their entry points give them."""
    return [
        Plugin("database", "crane-database", "0.1.0", module=crane_database),
        Plugin("history", "crane-history", "0.1.0", module=crane_history),
    ]


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """The database and the history."""
    return history_plugins()


@pytest.fixture
def database_url(upgraded_url: str) -> str:
    """A database that has the tables of the plugins."""
    return upgraded_url


@pytest.fixture
def crane_settings(database_url: str) -> dict[str, Any]:
    """The database of the test."""
    return {"database.url": database_url}


@pytest.fixture
def settle(swarm: MemorySwarm, crane: Crane) -> Callable[[], None]:
    """Let the Swarm come to rest, the server look at it, and all plugins be told."""

    def act() -> None:
        swarm.settle()
        crane.watcher.look(full=True)
        crane.events.drain()

    return act


@pytest.fixture
def deploy(client: FlaskClient, settle: Callable[[], None]) -> Callable[..., TestResponse]:
    """Deploy a stack file as the stack ``shop``, and let it come to rest."""

    def act(content: str = WEB, *, query: str = "", **members: Any) -> TestResponse:
        body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never", **members}
        answer = client.put(f"/api/v1/stacks/shop{query}", json=body)
        settle()
        return answer

    return act
