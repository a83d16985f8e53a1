"""Live connections without a server: both ends of a socket, and a hub that moves when a test tells it to."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Request
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, TextMessage
from wsproto.events import Request as Opening

from crane_core.context import Crane
from crane_core.contributions import Action, Topic
from crane_core.http import Listing
from crane_core.live.hub import Connection, Hub
from crane_core.plugins import Plugin
from crane_core.security import SERVER, Identity, Target, Vote
from crane_core.testing.plugins import make_plugin
from crane_core.websockets import WebSocket


class Peer:
    """The client's end of a WebSocket."""

    def __init__(self, most: int = 64 * 1024, clock: Callable[[], float] | None = None) -> None:
        self.ours, theirs = socket.socketpair()
        self.theirs = theirs
        self.text = ""
        self.protocol = WSConnection(ConnectionType.CLIENT)
        server = WSConnection(ConnectionType.SERVER)
        server.receive_data(self.protocol.send(Opening(host="localhost", target="/api/v1/live")))
        list(server.events())
        self.websocket = WebSocket(theirs, server, most, *([clock] if clock else []))
        assert [type(event) for event in self.events()] == [AcceptConnection]

    def send(self, event: Event | dict[str, Any] | str) -> None:
        """Send an event, or a message."""
        if isinstance(event, dict):
            event = json.dumps(event)
        self.ours.sendall(self.protocol.send(TextMessage(data=event) if isinstance(event, str) else event))

    def events(self) -> list[Event]:
        """Return what came since last time, without waiting."""
        self.ours.setblocking(False)
        try:
            while received := self.ours.recv(1 << 16):
                self.protocol.receive_data(received)
        except BlockingIOError:
            pass
        finally:
            self.ours.setblocking(True)
        return list(self.protocol.events())

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages that came since last time."""
        told = []
        for event in self.events():
            if isinstance(event, TextMessage):
                self.text += event.data
                if event.message_finished:
                    told.append(json.loads(self.text))
                    self.text = ""
        return told

    def closed(self) -> tuple[int, str | None] | None:
        """Return code and reason with which the server closed, None if it did not."""
        return next(((event.code, event.reason) for event in self.events() if isinstance(event, CloseConnection)), None)

    def pings(self) -> int:
        """Return how many pings came since last time."""
        return sum(isinstance(event, Ping) for event in self.events())

    def close(self) -> None:
        """Close both ends."""
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def make_peer() -> Iterator[Callable[..., Peer]]:
    """Make peers; all are closed afterwards."""
    made: list[Peer] = []

    def make(**options: Any) -> Peer:
        made.append(Peer(**options))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


class Things:
    """A topic of a test: what it tells of, who may see it, and how often it was read."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.version = 0
        self.hidden: dict[str, set[str]] = {}
        self.locked_out: set[str] = set()
        self.presented = 0
        self.state = "fresh"
        self.failing = False
        self.demanded: str | None = "thing:read"

    def set(self, **rows: str | None) -> None:
        """Set things, or remove those that are None."""
        for name, value in rows.items():
            self.rows.pop(name, None) if value is None else self.rows.update({name: value})
        self.version += 1

    def listing(self, _: Crane, parameters: Mapping[str, str]) -> Listing[tuple[str, str]]:
        """Return the list."""
        if self.failing:
            raise RuntimeError("out of order")
        only = parameters.get("name")
        rows = [row for row in self.rows.items() if only in (None, row[0])]
        return Listing(
            version=str(self.version),
            rows=lambda: rows,
            action=self.demanded,
            target=lambda row: Target("thing", row[0]),
            fields={},
            present=self._present,
            sources=[{"name": "engine", "state": self.state, "age": self.version * 1.5}],
            made_of=lambda row: row,
        )

    def _present(self, row: tuple[str, str]) -> dict[str, str]:
        self.presented += 1
        return {"name": row[0], "value": row[1]}

    def plugin(self) -> Plugin:
        """Return the plugin that contributes it."""

        def crane_actions() -> Iterator[Action]:
            yield Action("thing:read", "See things.", lambda name: Target("thing", name))

        def crane_topics() -> Iterator[Topic]:
            yield Topic("things", "thing:read", "All things.", self.listing, lambda row: row[0])
            yield Topic("things/{name}", "thing:read", "One thing.", self.listing, lambda row: row[0])
            yield Topic("things/{name}/parts", "thing:read", "Its parts.", self.listing, lambda row: row[0])

        def crane_authenticate(request: Request) -> Identity:
            return Identity(request.headers.get("X-Caller", "ann"))

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            if identity.name in self.locked_out or target.name in self.hidden.get(identity.name, ()):
                return Vote.deny("it is hidden")
            return Vote.allow()

        return make_plugin("things", crane_actions, crane_topics, crane_authenticate, crane_authorize)


@pytest.fixture
def things() -> Things:
    """The topics of the test."""
    return Things()


@pytest.fixture
def crane_plugins(things: Things) -> list[Plugin]:
    """The plugin of those topics runs."""
    return [things.plugin()]


@pytest.fixture
def hub(crane: Crane) -> Hub:
    """A hub that nothing moves but the test."""
    return Hub(crane)


@pytest.fixture
def join(hub: Hub, make_peer: Callable[..., Peer]) -> Iterator[Callable[..., tuple[Peer, Connection]]]:
    """Connect peers to the hub."""
    with ExitStack() as stack:

        def join(identity: Identity = SERVER) -> tuple[Peer, Connection]:
            peer = make_peer()
            return peer, stack.enter_context(hub.connected(lambda: peer.websocket, identity))

        yield join
