"""Every route refuses nobody's request unless it says why it is open, and those that read change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask import Flask
from werkzeug.routing import Rule

from crane_core import app as application
from crane_core.plugins import Plugin, discover
from crane_core.security import NOBODY, Guard, Identity, guard_of
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin

READS = {"GET", "HEAD", "OPTIONS"}
# What a route of these methods may demand; anything else would change something behind a harmless name, or the other
# way round. A plan changes nothing, but is made by POST because it is kept.
CHANGING_VERBS = {"create", "update", "remove", "apply"}


def nobody_is_known() -> Plugin:
    """Make a plugin that authenticates nobody, with which every caller must be refused."""

    def crane_authenticate(request: flask.Request) -> Identity:
        return NOBODY

    return make_plugin("strict", crane_authenticate)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server with every plugin, and one that authenticates nobody; it runs, because targets are looked up first."""
    app = application.create_app(
        {"server.data_directory": str(tmp_path_factory.mktemp("data"))},
        environ={},
        plugins=[*discover(), nobody_is_known()],
        transport=MemoryAdapter(MemorySwarm(nodes=1)),
    )
    application.start(app)
    yield app
    application.stop(app)


def requests_of(rule: Rule) -> Iterator[tuple[str, str]]:
    """Return every method of a route, each with an address that leads to it."""
    values = {
        name: 1 if type(rule._converters[name]).__name__ == "IntegerConverter" else "x" for name in rule.arguments
    }
    built = rule.build(values, append_unknown=False)
    assert built is not None, rule
    for method in sorted((rule.methods or set()) - {"OPTIONS"}):
        yield method, built[1]


def test_every_route_refuses_nobody(refusing: Flask) -> None:
    client = refusing.test_client()
    answered: dict[str, int] = {}
    guarded = [rule for rule in refusing.url_map.iter_rules() if not is_public(demanded(refusing, rule))]
    for rule in guarded:
        for method, path in requests_of(rule):
            answered[f"{method} {rule.rule}"] = client.open(path, method=method, json={}).status_code

    assert {asked: status for asked, status in answered.items() if status != 401} == {}
    assert len(answered) > 20


def test_open_routes_say_why_and_are_few(refusing: Flask) -> None:
    opened = [rule for rule in refusing.url_map.iter_rules() if not demanded(refusing, rule).action]
    # Who logs in is not known before, so that no step of it can be guarded.
    others = [rule for rule in opened if not rule.rule.startswith("/api/v1/auth/")]

    assert all(demanded(refusing, rule).reason.endswith(".") for rule in opened)
    assert len([rule for rule in others if is_public(demanded(refusing, rule))]) < 15


def test_open_routes_tell_nobody_of_the_swarm(refusing: Flask) -> None:
    client = refusing.test_client()
    told = [
        client.open(path, method=method).text
        for rule in refusing.url_map.iter_rules()
        if is_public(demanded(refusing, rule)) and not rule.arguments
        for method, path in requests_of(rule)
        if method in READS
    ]

    assert told
    assert not any("node1" in text for text in told)


def test_routes_that_read_demand_no_action_that_changes(refusing: Flask) -> None:
    for rule in refusing.url_map.iter_rules():
        verb = (demanded(refusing, rule).action or ":").partition(":")[2]
        if rule.methods and rule.methods <= READS:
            assert verb not in CHANGING_VERBS, f"{rule.rule} demands {verb}"


def test_routes_that_remove_demand_to_remove(refusing: Flask) -> None:
    removing = [
        rule
        for rule in refusing.url_map.iter_rules()
        # What is about callers themselves demands to be known, and nothing else.
        if "DELETE" in (rule.methods or ()) and not demanded(refusing, rule).known
    ]

    assert removing
    assert {str(demanded(refusing, rule).action).partition(":")[2] for rule in removing} == {"remove"}


def test_reading_sends_the_engine_nothing_but_reads(crane_app: Flask, swarm: MemorySwarm) -> None:
    client = crane_app.test_client()
    for rule in crane_app.url_map.iter_rules():
        for method, path in requests_of(rule):
            if method in READS:
                # The answers are told apart elsewhere; many of these objects do not exist.
                client.open(path, method=method, buffered=False).close()

    assert {call.method for call in swarm.calls} <= {"GET", "HEAD"}


def is_public(found: Guard) -> bool:
    """Tell whether a route is open to callers of whom nothing is known."""
    return found.action is None and not found.known


def demanded(app: Flask, rule: Rule) -> Guard:
    """Return what a route demands."""
    found: Any = guard_of(app.view_functions[rule.endpoint])
    assert found is not None, f"{rule.rule} has no guard"
    return found
