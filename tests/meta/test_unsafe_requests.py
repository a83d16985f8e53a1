"""What a request may do by its method and its sender: reading changes nothing, and a page of another site changes none.

All plugins are asked, so that a route that is added later is held against this too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from crane_core import app as application
from crane_core.hookspecs import hookimpl
from crane_core.plugins import Plugin, discover
from crane_core.security import LOCAL, UNSAFE, Identity, guard_of
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin

FILE = {
    "files": [{"name": "stack.yml", "content": "services: {web: {image: 'nginx:1'}}"}],
    "resolve_image": "never",
}
# Routes that only read, although what is asked is too long for an address.
READING_BY_POST = {"POST /api/v1/stack-files/inspect"}
FOREIGN = {
    "a page of another site": {"Origin": "https://evil.example.com"},
    "a page of another port": {"Origin": "http://localhost:8080"},
    "a page without an origin": {"Origin": "null"},
    "a page that says itself so": {"Sec-Fetch-Site": "cross-site"},
    "a page of a neighbour": {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
    "our own name in front": {"Origin": "http://localhost.evil.example.com"},
}


def whoever_runs_it() -> Plugin:
    """Make a plugin that takes every caller for whoever runs the server, whatever other plugins say."""

    @hookimpl(tryfirst=True)
    def crane_authenticate(request: flask.Request) -> Identity:
        return LOCAL

    return make_plugin("trusting", crane_authenticate)


@pytest.fixture(scope="module")
def swarm() -> MemorySwarm:
    """The Swarm of that server."""
    return MemorySwarm(nodes=1)


@pytest.fixture(scope="module")
def app(swarm: MemorySwarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server with every plugin."""
    made = application.create_app(
        {"server.data_directory": str(tmp_path_factory.mktemp("data"))},
        environ={},
        plugins=[*discover(), whoever_runs_it()],
        transport=MemoryAdapter(swarm),
    )
    application.start(made)
    yield made
    application.stop(made)


@pytest.fixture(scope="module")
def known(app: Flask, swarm: MemorySwarm) -> dict[str, Any]:
    """Something of each kind, and what it is called, by the part of a path that comes before its name."""
    client = app.test_client()
    operation = client.put("/api/v1/stacks/shop", json=FILE).json
    swarm.settle()
    app.extensions["crane"].watcher.look(full=True)
    plan = client.post("/api/v1/stacks/shop/plan", json=FILE).json
    made = {
        "users": client.post("/api/v1/users", json={"name": "ann"}),
        "groups": client.post("/api/v1/groups", json={"name": "team"}),
        "roles": client.post("/api/v1/roles", json={"name": "looker", "actions": ["stack:read"]}),
        "quotas": client.post("/api/v1/quotas", json={"name": "small", "replicas": 5}),
    }
    app.extensions["crane"].events.drain()
    return {
        "stacks": "shop",
        "services": "shop_web",
        "tasks": swarm.tasks("shop_web")[0]["ID"],
        "nodes": "node1",
        "operations": (operation or {})["id"],
        "plans": (plan or {})["id"],
        "revisions": 1,
        **{kind: (answer.json or {}).get("name", "none") for kind, answer in made.items()},
    }


def paths_of(app: Flask, methods: frozenset[str], known: dict[str, Any]) -> Iterator[tuple[str, Rule, str]]:
    """Return each request of these methods: its method, its route, and an address that leads to it."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        values = {}
        for name in rule.arguments:
            before = str(rule).partition(f"{name}>")[0].rpartition("<")[0].rstrip("/").rpartition("/")[2]
            plain = 1 if type(rule._converters.get(name)).__name__ == "IntegerConverter" else "x"
            values[name] = known.get(before, plain)
        built = rule.build(values, append_unknown=False)
        assert built is not None, rule
        for method in sorted((rule.methods or set()) & methods):
            yield method, rule, built[1]


def is_socket(rule: Rule) -> bool:
    """Tell whether a route is spoken with over a WebSocket."""
    return str(rule) == "/api/v1/live" or str(rule).endswith("/terminal")


def test_reading_writes_nothing(app: Flask, swarm: MemorySwarm, known: dict[str, Any]) -> None:
    client, here = app.test_client(), threading.get_ident()
    written: dict[str, list[str]] = {}
    answered: dict[str, int] = {}
    asked = ""

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        verb = statement.lstrip().partition(" ")[0].upper()
        if threading.get_ident() == here and verb not in ("SELECT", "PRAGMA", "BEGIN", "WITH"):
            written.setdefault(asked, []).append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        sent = len(swarm.calls)
        for method, rule, path in paths_of(app, frozenset({"GET", "HEAD"}), known):
            asked = f"{method} {rule}"
            answer = client.open(path, method=method, buffered=False)
            answered[asked] = answer.status_code
            answer.close()
        calls = swarm.calls[sent:]
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    assert written == {}
    assert {call.method for call in calls} <= {"GET", "HEAD"}
    found = [path for path, status in answered.items() if status == 200]
    # What is asked for mostly exists; otherwise nothing would have been read.
    assert len(found) > 0.6 * len(answered), answered


def test_what_changes_something_demands_more_than_to_read(app: Flask) -> None:
    hanging = {
        f"{method} {rule}"
        for method, rule, _ in paths_of(app, UNSAFE, {})
        if str(getattr(guard_of(app.view_functions[rule.endpoint]), "action", "")).endswith(":read")
    }

    assert hanging == READING_BY_POST


@pytest.mark.parametrize("sender", FOREIGN)
def test_page_of_another_site_changes_nothing(
    app: Flask, swarm: MemorySwarm, known: dict[str, Any], sender: str
) -> None:
    client = app.test_client()
    written = len(swarm.writes)
    passed = {}
    for method, rule, path in paths_of(app, UNSAFE, known):
        answer = client.open(path, method=method, json={}, headers=FOREIGN[sender])
        if (answer.status_code, (answer.json or {}).get("code")) != (403, "cross-site"):
            passed[f"{method} {rule}"] = answer.status_code

    assert passed == {}
    assert len(swarm.writes) == written


@pytest.mark.parametrize("sender", FOREIGN)
def test_page_of_another_site_opens_no_socket(app: Flask, sender: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", **FOREIGN[sender]}

    answer = app.test_client().get("/api/v1/live", headers={**headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})

    assert (answer.status_code, (answer.json or {}).get("code")) == (403, "cross-site")


def test_own_page_and_programs_are_served(app: Flask) -> None:
    client: FlaskClient = app.test_client()

    for headers in (
        {},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    ):
        answer = client.post("/api/v1/stack-files/inspect", json={"files": FILE["files"]}, headers=headers)
        assert answer.status_code == 200, answer.json
