"""Feeds on the live socket: what comes is sent to each subscriber, as far as they take it."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crane_core.contributions import Action, Subscriber, Topic
from crane_core.errors import CraneError
from crane_core.live.feeds import MOST_AT_ONCE
from crane_core.live.hub import MOST_FEEDS, Hub, TooManySubscriptions
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

ANN = Identity("ann")


class Tape:
    """A feed of a test."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.messages: deque[bytes] = deque()
        self.rights: list[int] = []
        self.failure: Exception | None = None
        self.closed = 0

    def say(self, *texts: str) -> None:
        for text in texts:
            self.messages.append(json.dumps({"topic": self.subscriber.topic, "says": text}).encode())

    def next(self, rights: int) -> bytes | None:
        self.rights.append(rights)
        if self.failure is not None:
            raise self.failure
        return self.messages.popleft() if self.messages else None

    def close(self) -> None:
        self.closed += 1


class Tapes:
    """The topic of a test, and who may follow it."""

    def __init__(self) -> None:
        self.opened: list[Tape] = []
        self.locked_out: set[str] = set()

    def open(self, subscriber: Subscriber) -> Tape:
        self.opened.append(Tape(subscriber))
        return self.opened[-1]

    def plugin(self) -> Plugin:
        def crane_actions() -> Iterator[Action]:
            yield Action("tape:read", "Hear tapes.", lambda name: Target("tape", name))

        def crane_topics() -> Iterator[Topic]:
            yield Topic("tapes/{name}", "tape:read", "A tape.", feed=self.open)

        def crane_authenticate(request: Any) -> Identity:
            return ANN

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            return Vote.deny("it is hidden") if identity.name in self.locked_out else Vote.allow()

        return make_plugin("tapes", crane_actions, crane_topics, crane_authenticate, crane_authorize)


@pytest.fixture
def tapes() -> Tapes:
    return Tapes()


@pytest.fixture
def crane_plugins(tapes: Tapes) -> list[Plugin]:
    return [tapes.plugin()]


@pytest.fixture
def step(hub: Hub) -> Callable[[], None]:
    seconds = itertools.count()
    return lambda: hub.step(next(seconds))


def said(peer: Any) -> list[str]:
    return [message["says"] for message in peer.messages()]


def test_what_comes_is_sent_in_its_order(hub: Hub, tapes: Tapes, join: Any, step: Any) -> None:
    peer, connection = join(ANN)
    hub.subscribe(connection, "tapes/a?speed=2&loud=")
    [tape] = tapes.opened
    tape.say("one", "two")

    step()

    assert said(peer) == ["one", "two"]
    assert tape.subscriber.parameters == {"name": "a"}
    assert tape.subscriber.query == {"speed": "2", "loud": ""}
    assert tape.subscriber.identity == ANN


def test_long_feed_leaves_others_their_turn(hub: Hub, tapes: Tapes, join: Any, step: Any) -> None:
    peer, connection = join(ANN)
    hub.subscribe(connection, "tapes/a")
    tapes.opened[0].say(*map(str, range(MOST_AT_ONCE + 5)))

    step()
    first = said(peer)
    step()

    assert first == [str(number) for number in range(MOST_AT_ONCE)]
    assert said(peer) == [str(number) for number in range(MOST_AT_ONCE, MOST_AT_ONCE + 5)]


def test_who_takes_nothing_is_given_nothing_more(hub: Hub, tapes: Tapes, join: Any, step: Any) -> None:
    _, connection = join(ANN)
    hub.subscribe(connection, "tapes/a")
    [tape] = tapes.opened
    big = "x" * 500_000
    tape.say(*[big] * MOST_AT_ONCE)

    step()
    left = len(tape.messages)
    step()

    assert 0 < left == len(tape.messages)
    assert connection.websocket.busy


def test_feed_is_closed_when_nobody_wants_it(hub: Hub, tapes: Tapes, join: Any, make_peer: Any) -> None:
    _, connection = join(ANN)
    hub.subscribe(connection, "tapes/a")
    hub.subscribe(connection, "tapes/b")
    hub.unsubscribe(connection, "tapes/a")
    # The same once more takes the place of the first.
    hub.subscribe(connection, "tapes/b")
    with hub.connected(lambda: make_peer().websocket, ANN) as other:
        hub.subscribe(other, "tapes/c")

    assert [tape.closed for tape in tapes.opened] == [1, 1, 0, 1]


def test_feed_ends_when_rights_do(hub: Hub, tapes: Tapes, join: Any, step: Any, crane: Any) -> None:
    peer, connection = join(ANN)
    hub.subscribe(connection, "tapes/a")
    [tape] = tapes.opened
    tape.say("one")
    step()
    assert said(peer) == ["one"]

    tapes.locked_out.add("ann")
    crane.rights.changed()
    tape.say("two")
    step()

    [told] = peer.messages()
    assert (told["topic"], told["error"]["code"]) == ("tapes/a", "forbidden")
    assert tape.closed == 1


@pytest.mark.parametrize(("failure", "code"), [(CraneError("It tore."), "internal"), (RuntimeError("bug"), "internal")])
def test_feed_that_fails_ends_alone(
    hub: Hub, tapes: Tapes, join: Any, step: Any, failure: Exception, code: str
) -> None:
    peer, connection = join(ANN)
    hub.subscribe(connection, "tapes/a")
    hub.subscribe(connection, "tapes/b")
    tapes.opened[0].failure = failure
    tapes.opened[1].say("goes on")

    step()
    told = peer.messages()

    assert [message["topic"] for message in told] == ["tapes/a", "tapes/b"]
    assert "error" in told[0]
    assert "bug" not in str(told[0])
    assert tapes.opened[0].closed == 1


def test_feeds_of_a_connection_are_limited(hub: Hub, tapes: Tapes, join: Any) -> None:
    _, connection = join(ANN)
    for number in range(MOST_FEEDS):
        hub.subscribe(connection, f"tapes/{number}")

    with pytest.raises(TooManySubscriptions):
        hub.subscribe(connection, "tapes/more")
    hub.subscribe(connection, "tapes/0")
