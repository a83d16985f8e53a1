"""Facts about who may stay when rights change."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask import Flask, Request, Response
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.contributions import Action
from crane_core.errors import Unauthenticated
from crane_core.http import stream_lines
from crane_core.openapi import NDJSON
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote, guard
from crane_core.standing import Standing, Visitor
from crane_core.testing.plugins import make_plugin

ANN = {"X-Caller": "ann", "Accept": NDJSON}


class Door:
    """Who is let in, and what becomes of a stream."""

    def __init__(self) -> None:
        self.logged_out: set[str] = set()
        self.shut_out: set[str] = set()
        self.asked = 0

    def plugin(self) -> Plugin:
        """Return the plugin that keeps the door."""
        blueprint = flask.Blueprint("door", __name__)

        @blueprint.route("/api/v1/numbers/<name>")
        @guard("number:read", by="name")
        def numbers(name: str) -> Response:
            return stream_lines(range(5))

        @blueprint.route("/api/v1/doors/<name>")
        @guard("number:read", by="name")
        def doors(name: str) -> Response:
            return Response()

        def crane_routes() -> Iterator[flask.Blueprint]:
            yield blueprint

        def crane_actions() -> Iterator[Action]:
            yield Action("number:read", "See numbers.", lambda name: Target("number", name))

        def crane_authenticate(request: Request) -> Identity:
            name = request.headers["X-Caller"]
            if name in self.logged_out:
                raise Unauthenticated("The session has ended.")
            return Identity(name)

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            self.asked += 1
            return Vote.deny("the door is shut") if target.name in self.shut_out else Vote.allow()

        return make_plugin("door", crane_routes, crane_actions, crane_authenticate, crane_authorize)


@pytest.fixture
def door() -> Door:
    """The door of the test."""
    return Door()


@pytest.fixture
def crane_plugins(door: Door) -> list[Plugin]:
    """The plugin that keeps the door."""
    return [door.plugin()]


@pytest.fixture
def visit(crane_app: Flask, crane: Crane) -> Iterator[Callable[..., Visitor]]:
    """Admit somebody for the time of the test."""
    admitted: list[Visitor] = []

    def visit(name: str, end: Callable[[str], None], number: str = "one") -> Visitor:
        with crane_app.test_request_context(f"/api/v1/doors/{number}", headers={"X-Caller": name}):
            crane_app.dispatch_request()
            admitted.append(crane.room(Standing).admit(end))
        return admitted[-1]

    yield visit
    for visitor in admitted:
        crane.room(Standing).leave(visitor)


def test_who_lost_a_right_or_the_login_is_sent_away(crane: Crane, door: Door, visit: Any) -> None:
    told: list[tuple[str, str]] = []
    for name, number in (("ann", "one"), ("bob", "one"), ("eve", "two")):
        visit(name, lambda reason, name=name: told.append((name, reason)), number)
    door.logged_out.add("bob")
    door.shut_out.add("two")

    crane.room(Standing).look()

    assert sorted(told) == [
        ("bob", "Log in again."),
        ("eve", "You may not do number:read any more: the door is shut."),
    ]


def test_nobody_is_asked_while_no_right_changes(crane: Crane, door: Door, visit: Any) -> None:
    standing, visitor = crane.room(Standing), visit("ann", lambda reason: None)
    asked = door.asked

    assert [standing.may_stay(visitor) for _ in range(3)] == [True] * 3
    assert door.asked == asked
    crane.rights.noticed()
    assert [standing.may_stay(visitor) for _ in range(3)] == [True] * 3
    assert door.asked > asked


def test_loop_looks_as_soon_as_rights_change(crane: Crane, door: Door, visit: Any) -> None:
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    visit("ann", told.put)
    door.logged_out.add("ann")

    crane.rights.changed()

    # The loop runs in the server of the test; nothing else would tell.
    assert told.get(timeout=60) == "Log in again."


def test_stream_ends_where_the_right_ended(crane: Crane, client: FlaskClient, door: Door) -> None:
    answer = client.get("/api/v1/numbers/one", headers=ANN, buffered=False)
    lines = iter(answer.response)
    told = [json.loads(next(lines)), json.loads(next(lines))]
    door.shut_out.add("one")
    crane.rights.noticed()

    assert (told, list(lines)) == ([0, 1], [])
    answer.close()
    assert not crane.room(Standing)._visitors


def test_stream_of_who_may_stay_goes_on(crane: Crane, client: FlaskClient) -> None:
    answer = client.get("/api/v1/numbers/one", headers=ANN, buffered=False)
    lines = iter(answer.response)
    next(lines)
    crane.rights.noticed()

    assert len(list(lines)) == 4
    answer.close()
