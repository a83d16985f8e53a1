"""What tests of the resources share: sending stack files, and letting the Swarm in memory come to rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.engine.inventory import Inventory, ItemKind
from crane_core.plugins import Plugin, discover
from crane_core.testing.swarm import MemorySwarm
from tests.identity import find_headers

WEB = "services: {web: {image: 'nginx:1'}}"


@pytest.fixture
def crane_plugins(pytestconfig: pytest.Config) -> Iterable[Plugin]:
    """None but the core's own; every one that is installed with ``--all-plugins``."""
    return discover() if pytestconfig.getoption("all_plugins") else ()


@pytest.fixture
def client(client: FlaskClient, crane: Crane) -> FlaskClient:
    """The client of whoever runs the server, whichever plugins ask for a login."""
    if headers := find_headers(crane.data_directory):
        client.environ_base["HTTP_AUTHORIZATION"] = headers["Authorization"]
    return client


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """Make what is sent to plan or deploy a stack file."""

    def make(content: str = WEB, **members: Any) -> dict[str, Any]:
        return {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never", **members}

    return make


@pytest.fixture
def settle(swarm: MemorySwarm, crane: Crane) -> Callable[[], None]:
    """Let the Swarm come to rest, and the server look at it."""

    def act() -> None:
        swarm.settle()
        crane.watcher.look(full=True)
        # The Engines' own events tell it, too, but only a moment later.
        for node_id in crane.cache.snapshot().nodes:
            crane.room(Inventory).note_change(node_id, *get_args(ItemKind))

    return act


@pytest.fixture
def deploy(client: FlaskClient, body: Callable[..., dict[str, Any]], settle: Callable[[], None]) -> Callable[..., Any]:
    """Deploy a stack file as the stack ``shop``, and let it come to rest."""

    def act(content: str = WEB, *, query: str = "", **members: Any) -> TestResponse:
        answer = client.put(f"/api/v1/stacks/shop{query}", json=body(content, **members))
        settle()
        return answer

    return act


@pytest.fixture
def plan(client: FlaskClient, body: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Plan a stack file as the stack ``shop``; returns the plan."""

    def act(content: str = WEB, **members: Any) -> dict[str, Any]:
        answer = client.post("/api/v1/stacks/shop/plan", json=body(content, **members))
        assert answer.status_code == 201, answer.json
        made: dict[str, Any] = answer.json
        return made

    return act
