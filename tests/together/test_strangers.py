"""Strangers: who was given a role on one stack is told of no other by anything, whatever they ask for and however."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import crane_accounts
import pytest
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.errors import Forbidden, NotFound
from crane_core.live.board import Board
from crane_core.live.hub import Hub, Sights
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.transport import find_memory_endpoint
from tests.meta.test_unsafe_requests import is_socket, paths_of

# Stands in the name of everything that belongs to the other stack.
MARKER = "vaultzq"
FILE = """
services:
  {mark}web:
    image: registry.example.com/{mark}/web:1
    secrets: [{mark}key]
    configs: [{mark}app]
    networks: [{mark}net, common]
    ports: ['{port}:80']
    volumes: ['{mark}data:/data', 'shared:/shared']
    deploy: {{replicas: 2, labels: {{{mark}label: x}}}}
secrets: {{{mark}key: {{file: a}}}}
configs: {{{mark}app: {{file: a}}}}
networks: {{{mark}net: {{}}, common: {{external: true}}}}
volumes: {{{mark}data: {{}}, shared: {{external: true}}}}
"""
OTHER, OWN = f"stack{MARKER}", "mine"
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server with every plugin, over a Swarm with two stacks; otto is an operator of one of them."""
    swarm = MemorySwarm(nodes=2)
    settings = {
        "server.data_directory": str(tmp_path_factory.mktemp("data")),
        "auth.setup_token": SETUP_TOKEN,
        "watch.short_seconds": 0.02,
    }
    made = application.create_app(settings, environ={}, plugins=discover(), transport=MemoryAdapter(swarm))
    crane: Crane = made.extensions["crane"]
    crane.room(Pool).add_finder(lambda node: find_memory_endpoint(swarm, node))
    # A thread that gets no processor for seconds is no node that hangs.
    crane.room(Pool).patience = 60.0
    crane.watcher.look()
    application.start(made)
    ann = Browser(made.test_client())
    ann.ask("POST", "auth/setup", {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD}, 201)
    ann.ask("POST", "users", {"name": "otto"}, 201)
    ann.ask("PUT", "passwords/otto", {"password": PASSWORD, "must_change": False}, 204)
    ann.ask("POST", "grants", {"role": "operator", "account": "otto", "scope": "stack", "on": OWN}, 201)
    ann.ask("POST", "networks", {"name": "common", "attachable": True}, 201)
    for stack, mark, port in ((OWN, "own", 8001), (OTHER, MARKER, 8002)):
        file = {"name": "stack.yml", "content": FILE.format(mark=mark, port=port)}
        body = {"files": [file], "attachments": {"a": {"content": "a"}}, "resolve_image": "never"}
        ann.ask("PUT", f"stacks/{stack}", body, 202)
        swarm.settle()
    crane.watcher.look(full=True)
    crane.events.drain()
    yield made
    application.stop(made)


@pytest.fixture(scope="module")
def ann(app: Flask) -> Browser:
    """Who may everything."""
    browser = Browser(app.test_client())
    browser.log_in("ann")
    return browser


@pytest.fixture(scope="module")
def otto(app: Flask) -> Browser:
    """Who was given a role on one stack."""
    browser = Browser(app.test_client())
    browser.log_in("otto")
    return browser


def things_of(ann: Browser, stack: str, mark: str) -> dict[str, Any]:
    """Return something of each kind that belongs to a stack, by its id, so that no name comes from who asks."""

    def first(path: str, key: str = "ID") -> Any:
        return ann.ask("GET", path, status=200)["items"][0][key]

    service = f"{stack}_{mark}web"
    task = first(f"tasks?service={service}")
    return {
        "stacks": stack if stack == OWN else "x",
        "services": first(f"services?stack={stack}"),
        "networks": first(f"networks?stack={stack}", "Id"),
        "secrets": first(f"secrets?stack={stack}"),
        "configs": first(f"configs?stack={stack}"),
        "tasks": task,
        "task-history": task,
        "operations": first(f"operations?stack={stack}", "id"),
        "containers": first(f"containers?service={service}", "id"),
        "nodes": "node1",
        "images": first("images", "Id"),
        "volumes": "node1/shared",
        "users": "ann",
        "roles": "operator",
    }


def told_to(browser: Browser, method: str, path: str) -> str:
    """Return all that an answer tells."""
    answer = browser.client.open(path, method=method, json=None if method == "GET" else {})
    assert answer.status_code < 500, (method, path, answer.text)
    return f"{answer.status_code} {answer.text} {answer.headers}"


def where_told(app: Flask, browser: Browser, methods: frozenset[str], known: dict[str, Any]) -> dict[str, str]:
    """Return which requests are answered with the marker, and what stands around it."""
    told = {}
    for method, rule, path in paths_of(app, methods, known):
        # These go on for as long as somebody listens, or are about who asks.
        if is_socket(rule) or str(rule).endswith("/follow") or str(rule).startswith("/api/v1/auth/"):
            continue
        text = told_to(browser, method, path)
        if found := re.search(f".{{0,80}}{MARKER}.{{0,40}}", text, re.IGNORECASE):
            told[f"{method} {rule}"] = found[0]
    return told


def test_what_is_asked_of_the_other_stack_tells_to_who_may(app: Flask, ann: Browser) -> None:
    told = where_told(app, ann, frozenset({"GET"}), things_of(ann, OTHER, MARKER))

    assert len(told) > 30


def test_nothing_tells_of_another_stack(app: Flask, ann: Browser, otto: Browser) -> None:
    assert where_told(app, otto, frozenset({"GET"}), things_of(ann, OWN, "own")) == {}


def test_who_gives_the_id_of_something_of_another_stack_is_told_no_name(
    app: Flask, ann: Browser, otto: Browser
) -> None:
    assert where_told(app, otto, METHODS, things_of(ann, OTHER, MARKER)) == {}


def test_what_is_there_is_refused_as_what_is_not(app: Flask, ann: Browser, otto: Browser) -> None:
    for kind, id_ in things_of(ann, OTHER, MARKER).items():
        if kind in ("stacks", "nodes", "volumes", "images", "users", "roles"):
            continue
        there = told_to(otto, "GET", f"/api/v1/{kind}/{id_}").partition("Content-Type")[0]
        missing = "0" * len(id_)
        not_there = told_to(otto, "GET", f"/api/v1/{kind}/{missing}").partition("Content-Type")[0]

        assert there.startswith("403"), there
        assert not_there.replace(missing, id_) == there


def test_no_topic_tells_of_another_stack(app: Flask, ann: Browser) -> None:
    crane: Crane = app.extensions["crane"]
    account = crane_accounts.find_account("otto")
    assert account is not None
    identity = crane_accounts.identity_of(account.id)
    known = things_of(ann, OWN, "own")
    made, told = "", ""
    for topic in crane.topics:
        if topic.listing is None:
            continue
        # Who subscribes to one object was asked for the right to that one before.
        text = re.sub(r"([a-z-]+)/\{[a-z_]+\}", lambda found: f"{found[1]}/{known.get(found[1], 'x')}", topic.name)
        topic, parameters = crane.room(Hub).find_topic(text)
        board = Board(text, topic.action, functools.partial(topic.listing, crane, parameters), topic.key)
        try:
            board.refresh()
            visible = Sights(crane).look(identity, board)
        except (Forbidden, NotFound):
            continue
        made += "".join(f"{topic.name}: {bytes(item.text)!r}\n" for item in board.items.values())
        told += "".join(f"{topic.name}: {bytes(board.items[key].text)!r}\n" for key in visible)

    assert MARKER in made
    assert "own" in told
    assert [line for line in told.splitlines() if MARKER in line] == []


@pytest.mark.parametrize("path", ["tasks", "stats/tasks", "stats/containers", "stats/services", "stacks/mine/tasks"])
@pytest.mark.parametrize("kind", ["service", "stack"])
def test_filter_tells_not_whether_something_of_another_stack_is_there(
    ann: Browser, otto: Browser, path: str, kind: str
) -> None:
    there = ann.ask("GET", f"services?stack={OTHER}", status=200)["items"][0]["ID"] if kind == "service" else OTHER

    for name in (there, "0" * len(there)):
        assert otto.ask("GET", f"{path}?{kind}={name}", status=200)["items"] == []
    assert ann.ask("GET", f"{path}?{kind}={there}").status_code == 200
    assert ann.ask("GET", f"{path}?{kind}=nothing").status_code == 404
