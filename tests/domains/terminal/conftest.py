"""Terminals of a server over a Swarm in memory, opened by people of different rights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Request
from flask.testing import FlaskClient

from crane_core import websockets
from crane_core.cluster.terminal.operations import Sessions
from crane_core.cluster.terminal.tickets import Tickets
from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.events import Event
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing import MemorySwarm
from crane_core.testing.plugins import make_plugin
from tests.terminals import Sitter, sit_down_inside

SPEC = {"Name": "shop_web", "Labels": {"com.docker.stack.namespace": "shop"}, "image": "nginx:1"}


class Rights:
    """Who may not do what, by action; everybody else may."""

    def __init__(self) -> None:
        self.denied: dict[str, set[str]] = {}

    def plugin(self) -> Plugin:
        """Return the plugin that asks here."""

        def crane_authenticate(request: Request) -> Identity:
            return Identity(request.headers.get("X-Caller", "ann"))

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            if action in self.denied.get(identity.name, ()):
                return Vote.deny("not today")
            return Vote.allow("all others may")

        return make_plugin("rights", crane_authenticate, crane_authorize)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever sits there may get no processor for longer than a browser takes nothing of what is printed.
    monkeypatch.setattr(websockets, "SEND_SECONDS", 60)


@pytest.fixture
def rights() -> Rights:
    return Rights()


@pytest.fixture
def events() -> list[Event]:
    """What the server told of."""
    return []


@pytest.fixture
def crane_plugins(rights: Rights, events: list[Event]) -> Iterable[Plugin]:
    def crane_event(event: Event) -> None:
        events.append(event)

    return [rights.plugin(), make_plugin("listener", crane_event)]


@pytest.fixture
def now() -> list[float]:
    """How many seconds have passed on the clock of terminals."""
    return [0.0]


@pytest.fixture
def sessions(crane: Crane, now: list[float]) -> Sessions:
    """The terminals of that server, on a clock that only a test moves."""
    found = crane.room(Sessions)
    begun = found.clock()
    found.clock = lambda: begun + now[0]
    return found


@pytest.fixture
def web(client: FlaskClient, swarm: MemorySwarm, crane: Crane) -> str:
    """A service of the stack ``shop`` whose only task runs; its name."""
    answer = client.post("/api/v1/services", json=SPEC)
    assert answer.status_code == 202, answer.text
    swarm.settle()
    crane.watcher.look(full=True)
    for link in crane.room(Pool).links():
        link.verify()
    return "shop_web"


@pytest.fixture
def order(client: FlaskClient, crane: Crane) -> Callable[..., Any]:
    """Ask for a ticket, which stays good until a test moves the clock."""
    tickets = crane.room(Tickets)
    begun = tickets.clock()
    tickets.clock = lambda: begun

    def act(where: str, caller: str = "ann", **body: Any) -> Any:
        return client.post(f"/api/v1/{where}/terminal-tickets", json=body, headers={"X-Caller": caller})

    return act


@pytest.fixture
def sit(client: FlaskClient, order: Callable[..., Any]) -> Callable[..., Sitter]:
    """Ask for a ticket, and open what it is for."""

    def act(where: str, **body: Any) -> Sitter:
        ticket = order(where, **body)
        assert ticket.status_code == 201, ticket.text
        return sit_down_inside(client, ticket.json["address"], ticket.json["ticket"], **{"X-Caller": "ann"})

    return act
