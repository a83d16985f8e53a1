"""Facts about sessions: each ends with its request, turn or wait, and gives its connection back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import crane_database
import flask
import pytest
from crane_database import db, sa, session
from flask import Flask
from werkzeug.serving import make_server as serve
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

from crane_core.context import get_crane
from crane_core.contributions import Action, Topic
from crane_core.http import Listing
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote, guard
from crane_core.testing.plugins import make_plugin

ONE = sa.text("SELECT 1")
FEW = 4
MANY = 30


class Held:
    """Counts the connections that the thread of a test has in use; loops of the server have some now and then."""

    def __init__(self, app: Flask) -> None:
        self.count = 0
        here = threading.current_thread()

        def take(_: Any, record: Any, *__: Any) -> None:
            record.info["taken_here"] = threading.current_thread() is here
            self.count += record.info["taken_here"]

        def give_back(_: Any, record: Any) -> None:
            self.count -= record.info.pop("taken_here", False)

        with app.app_context():
            sa.event.listen(db.engine, "checkout", take)
            sa.event.listen(db.engine, "checkin", give_back)


def used(app: Flask) -> int:
    """Return how many connections are in use."""
    with app.app_context():
        count: int = db.engine.pool.checkedout()  # type: ignore[attr-defined]
    return count


@pytest.fixture
def settings(database_url: str) -> dict[str, Any]:
    """Fewer connections than there will be callers."""
    return {"database.url": database_url, "database.connections": FEW}


@pytest.fixture
def accounts() -> Plugin:
    """A plugin that asks the database who callers are, and for what they follow, as one for accounts would."""

    def crane_authenticate(request: flask.Request) -> Identity:
        db.session.execute(ONE)
        return Identity("ann")

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        db.session.execute(ONE)
        return Vote.allow()

    def crane_actions() -> Iterator[Action]:
        yield Action("account:read", "See accounts.")

    def rows() -> list[dict[str, Any]]:
        return [{"name": f"one of {db.session.execute(ONE).scalar()}"}]

    def crane_topics() -> Iterator[Topic]:
        listing = Listing("1", rows, "account:read", lambda row: Target("account", row["name"]), {})
        yield Topic("accounts", "account:read", "The accounts.", lambda crane, _: listing, lambda row: str(row["name"]))

    return make_plugin(
        "accounts", crane_authenticate, crane_authorize, crane_actions, crane_topics, requires=["database"]
    )


def test_session_gives_its_connection_back_and_rolls_back(
    open_database: Callable[..., Any], settings: dict[str, Any]
) -> None:
    with open_database(**settings):
        app = _app()
    insert = sa.text("INSERT INTO database_lease VALUES ('a', 'b', 1, 1)")

    with session(app) as database:
        database.execute(insert)
        assert used(app) == 1

    assert used(app) == 0
    with session(app) as database:
        assert database.execute(sa.text("SELECT count(*) FROM database_lease WHERE name = 'a'")).scalar() == 0


def test_session_inside_a_view_is_another_one(open_database: Callable[..., Any], settings: dict[str, Any]) -> None:
    with open_database(**settings):
        outer = db.session()
        with session() as database:
            assert database() is not outer
            assert db.session() is database()
        assert db.session() is outer


def test_what_waits_gives_the_connection_back(open_database: Callable[..., Any], settings: dict[str, Any]) -> None:
    with open_database(**settings) as crane:
        db.session.execute(ONE)
        assert used(_app()) == 1

        crane.about_to_wait()

        assert used(_app()) == 0
    crane_database.crane_wait()


def _app() -> Flask:
    app: Flask = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    return app


def test_loop_needs_one_connection_a_turn(open_database: Callable[..., Any], settings: dict[str, Any]) -> None:
    with open_database(**settings):
        app, done, ready = _app(), threading.Event(), threading.Barrier(MANY + 1)

        def turn() -> None:
            with app.app_context():
                with session() as database:
                    database.execute(ONE)
                ready.wait(60)
                done.wait(60)

        threads = [threading.Thread(target=turn) for _ in range(MANY)]
        for thread in threads:
            thread.start()
        ready.wait(60)

        assert used(app) == 0
        done.set()
        for thread in threads:
            thread.join()


class Client:
    """One end of a live socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.socket.sendall(self.protocol.send(Request(host="127.0.0.1", target="/api/v1/live")))
        self.until(AcceptConnection)

    def until(self, kind: type[Any]) -> Any:
        """Return the next event of a kind."""
        while True:
            for event in self.protocol.events():
                if isinstance(event, kind):
                    return event
            received = self.socket.recv(4096)
            assert received, "the other side is gone"
            self.protocol.receive_data(received)

    def say(self, text: str) -> str:
        """Send a message and return the next one that comes."""
        self.socket.sendall(self.protocol.send(TextMessage(text)))
        answered: str = self.until(TextMessage).data
        return answered


def test_sockets_of_many_callers_do_not_exhaust_the_connections(
    run_server: Callable[..., Flask], settings: dict[str, Any], accounts: Plugin
) -> None:
    app = run_server(accounts, **settings)
    server = serve("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    clients: list[Client] = []
    try:
        for _ in range(MANY):
            clients.append(Client(server.server_port))
            assert "one of 1" in clients[-1].say('{"subscribe": "accounts"}')

        # All of them hold a socket; whoever comes now is served all the same.
        answered = app.test_client().get("/api/v1/database")
        assert (answered.status_code, len(clients)) == (200, MANY)
        assert used(app) <= FEW
    finally:
        for client in clients:
            client.socket.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_request_that_waits_for_an_operation_holds_no_connection(
    run_server: Callable[..., Flask], settings: dict[str, Any], accounts: Plugin
) -> None:
    """Told by the connections in use while the wait goes on."""
    from crane_core.orchestration.operations.operations import Operations

    app = run_server(accounts, **settings)
    operations = app.extensions["crane"].room(Operations)
    held = Held(app)
    seen: list[int] = []
    wait = operations.wait

    def watched(operation_id: str, seconds: float) -> Any:
        if seconds:
            seen.append(held.count)
        return wait(operation_id, 0)

    operations.wait = watched
    app.extensions["crane"].watcher.look()
    content = "services: {web: {image: nginx}}"
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
    deployed = app.test_client().put("/api/v1/stacks/shop?wait=5", json=body)
    shown = app.test_client().get(f"/api/v1/operations/{deployed.json['id']}?wait=5")

    assert (deployed.status_code, shown.status_code) == (202, 200)
    assert seen == [0, 0]


def test_view_gets_its_connection_back_after_the_answer(
    run_server: Callable[..., Flask], settings: dict[str, Any]
) -> None:
    blueprint = flask.Blueprint("asking", __name__)
    during: set[int] = set()

    @blueprint.route("/asking")
    @guard("account:read")
    def asking() -> str:
        told = str(db.session.execute(ONE).scalar()) + get_crane().version
        during.add(held.count)
        return told

    def crane_routes() -> list[flask.Blueprint]:
        return [blueprint]

    def crane_actions() -> list[Action]:
        return [Action("account:read", "See accounts.")]

    app = run_server(make_plugin("asking", crane_routes, crane_actions, requires=["database"]), **settings)

    held = Held(app)

    assert {app.test_client().get("/asking").status_code for _ in range(3 * FEW)} == {200}
    assert (during, held.count) == ({1}, 0)
