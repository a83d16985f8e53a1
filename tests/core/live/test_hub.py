"""Facts about the hub: who is sent what, and when."""

from __future__ import annotations

import itertools
import random
import selectors
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from crane_core.context import Crane
from crane_core.errors import NotFound
from crane_core.live import hub as module
from crane_core.live.board import MOST_GONE
from crane_core.live.hub import Hub, LiveFull, TooManySubscriptions
from crane_core.security import Identity

Join = Callable[..., Any]
ANN = Identity("ann")
FRESH = [{"name": "engine", "state": "fresh"}]


@pytest.fixture
def step(hub: Hub) -> Callable[..., None]:
    """Let the hub write, each time a second later than before."""
    seconds = itertools.count()

    def step(refresh: bool = True) -> None:
        hub.step(next(seconds), refresh)

    return step


def item(name: str, value: str) -> dict[str, str]:
    """Return a thing as it is sent."""
    return {"name": name, "value": value}


def test_first_message_is_a_snapshot_and_later_ones_are_changes(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1", c="1")
    peer, connection = join()
    hub.subscribe(connection, "things")

    step()
    [first] = peer.messages()
    things.set(a="2", b=None)
    step()
    [second] = peer.messages()

    assert first["snapshot"] == {"a": item("a", "1"), "b": item("b", "1"), "c": item("c", "1")}
    assert second["changes"] == {"set": {"a": item("a", "2")}, "gone": ["b"]}
    assert (first["topic"], first["sources"], first["version"] != second["version"]) == ("things", FRESH, True)


def test_nothing_is_sent_while_nothing_changes(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1")
    for identity in (ANN, Identity("server", "server")):
        peer, connection = join(identity)
        hub.subscribe(connection, "things")
        step()
        assert len(peer.messages()) == 1

        for _ in range(20):
            step()
        things.set(a="1")
        step()

        assert peer.messages() == []


def test_only_what_changed_is_presented_anew(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(**{f"n{number}": "1" for number in range(50)})
    for _ in range(5):
        _, connection = join()
        hub.subscribe(connection, "things")
    step()
    assert things.presented == 50

    things.set(n7="2")
    step()

    assert things.presented == 51


def test_changes_between_two_reads_become_one_update(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1", c="1")
    peer, connection = join()
    hub.subscribe(connection, "things")
    step()
    peer.messages()

    for number in range(10):
        things.set(a=str(number))
        step(refresh=False)
    step()

    assert [message["changes"]["set"] for message in peer.messages()] == [{"a": item("a", "9")}]


def test_slow_reader_gets_the_newest_state_and_no_queue(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="0", **{f"n{number}": "x" * 100_000 for number in range(40)})
    slow, slow_connection = join()
    quick, quick_connection = join()
    for connection in (slow_connection, quick_connection):
        hub.subscribe(connection, "things")
    for number in range(1, 30):
        things.set(a=str(number), b=None if number % 2 else str(number))
        step()
        while quick_connection.websocket.busy:
            quick.messages()
            quick_connection.websocket.flush()
        quick.messages()

    told = []
    while len(told) < 2:
        told += slow.messages()
        slow_connection.websocket.flush()
        step()

    assert len(told) == 2
    assert told[0]["snapshot"]["a"] == item("a", "1")
    assert told[1]["changes"] == {"set": {"a": item("a", "29")}, "gone": ["b"]}


def test_reader_who_takes_nothing_is_given_up(hub: Hub, things: Any, join: Join) -> None:
    things.set(a="x" * 10_000_000)
    _, connection = join()
    hub.subscribe(connection, "things")
    hub.step(0)

    with selectors.DefaultSelector() as selector:
        busy: dict[Any, int] = {}
        hub._watch_busy(selector, busy, 0)
        hub._watch_busy(selector, busy, module.PATIENCE_SECONDS - 1)
        patient = connection.websocket.gone
        hub._watch_busy(selector, busy, module.PATIENCE_SECONDS + 1)

    assert (patient, connection.websocket.gone) == (False, True)


def test_another_state_of_the_source_is_told_and_its_age_is_not(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1")
    for identity in (ANN, Identity("server", "server")):
        things.state = "fresh"
        peer, connection = join(identity)
        hub.subscribe(connection, "things")
        step()
        peer.messages()

        things.state = "stale"
        step()

        [message] = peer.messages()
        assert message["sources"] == [{"name": "engine", "state": "stale"}]
        assert message["changes"] == {"set": {}, "gone": []}


def test_items_that_may_not_be_seen_are_left_out(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1", c="1")
    things.hidden["ann"] = {"b"}
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")
    step()
    [first] = peer.messages()

    things.set(b="2")
    step()

    assert set(first["snapshot"]) == {"a", "c"}
    assert peer.messages() == [], "not even that something changed"


def test_list_that_demands_nothing_is_asked_for_the_action_of_its_topic(
    hub: Hub, things: Any, join: Join, step: Any
) -> None:
    things.set(a="1", b="1")
    things.demanded, things.hidden["ann"] = None, {"b"}
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")

    step()

    assert [set(message["snapshot"]) for message in peer.messages()] == [{"a"}]


def test_permission_is_asked_again_although_nothing_changes(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1", c="1")
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")
    step()
    peer.messages()

    things.hidden["ann"] = {"a"}
    for _ in range(int(module.RECHECK_SECONDS) + 1):
        step()
    taken = peer.messages()
    things.hidden["ann"] = {"b"}
    for _ in range(int(module.RECHECK_SECONDS) + 1):
        step()

    assert [message["changes"] for message in taken] == [{"set": {}, "gone": ["a"]}]
    assert [message["changes"] for message in peer.messages()] == [{"set": {"a": item("a", "1")}, "gone": ["b"]}]


def test_permission_is_asked_at_once_when_rights_change(
    crane: Crane, hub: Hub, things: Any, join: Join, step: Any
) -> None:
    things.set(a="1", b="1")
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")
    step()
    peer.messages()
    things.hidden["ann"] = {"b"}

    step()
    assert peer.messages() == []
    crane.rights.changed()
    step()

    [message] = peer.messages()
    assert message["changes"]["gone"] == ["b"]


def test_permission_is_asked_before_each_send(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1")
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")
    step()
    peer.messages()

    things.hidden["ann"] = {"a"}
    things.set(a="secret")
    step()

    assert [message["changes"] for message in peer.messages()] == [{"set": {}, "gone": ["a"]}]


def test_subscription_ends_with_the_permission_for_its_kind(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1")
    peer, connection = join(ANN)
    hub.subscribe(connection, "things")
    step()
    peer.messages()

    things.locked_out.add("ann")
    things.set(a="2")
    step()
    step()

    [message] = peer.messages()
    assert (message["topic"], message["error"]["code"]) == ("things", "forbidden")
    assert connection.following == {}


def test_callers_of_one_name_with_other_proofs_are_decided_apart(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1")
    for scope in ("all", "all", "few"):
        _, connection = join(replace(ANN, details={"scope": scope}))
        hub.subscribe(connection, "things")
    step()

    sights = module.Sights(hub._crane)
    for connection in hub._connections:
        sights.look(connection.identity, hub._boards["things"])

    assert [len(answers) for answers in sights._known.values()] == [2]


def test_topic_of_one_object_follows_its_coming_and_going(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(b="1")
    peer, connection = join(ANN)
    hub.subscribe(connection, "things/a")
    step()
    things.set(a="1")
    step()
    things.set(a=None)
    step()

    told = peer.messages()
    assert told[0]["snapshot"] == {}
    assert [message["changes"] for message in told[1:]] == [
        {"set": {"a": item("a", "1")}, "gone": []},
        {"set": {}, "gone": ["a"]},
    ]


def test_version_that_was_seen_is_resumed_without_a_snapshot(hub: Hub, things: Any, join: Join, step: Any) -> None:
    things.set(a="1", b="1")
    peer, connection = join()
    hub.subscribe(connection, "things")
    step()
    version = peer.messages()[0]["version"]
    same, same_connection = join()
    older, older_connection = join()

    hub.subscribe(same_connection, "things", version)
    hub.subscribe(older_connection, "things", "0" * 16)
    step()
    things.set(a="2")
    step()

    resumed, change = same.messages()
    assert (resumed["unchanged"], "snapshot" in resumed) == (True, False)
    assert change["changes"]["set"] == {"a": item("a", "2")}
    assert "snapshot" in older.messages()[0]


def test_topic_that_fails_silences_no_other(hub: Hub, things: Any, join: Join, step: Any) -> None:
    peer, connection = join()
    hub.subscribe(connection, "things")
    hub.subscribe(connection, "plugins")
    things.failing = True

    step()

    told = {message["topic"]: message for message in peer.messages()}
    assert told["things"]["error"]["status"] == 500
    assert "out of order" not in str(told["things"]["error"])
    assert "things" in told["plugins"]["snapshot"]
    assert list(connection.following) == ["plugins"]


def test_topics_of_plugins_are_found_by_name_and_parameter(hub: Hub) -> None:
    assert hub.find_topic("things/a/b")[1] == {"name": "a/b"}
    assert hub.find_topic("things")[0].name == "things"
    for name in ("thing", "things/", "plugins/a", "", "/"):
        with pytest.raises(NotFound, match="There is no topic"):
            hub.find_topic(name)


@pytest.mark.parametrize(
    ("text", "name", "parameter"),
    [
        ("things/a/parts", "things/{name}/parts", "a"),
        ("things/a/b/parts", "things/{name}/parts", "a/b"),
        ("things/parts/parts", "things/{name}/parts", "parts"),
        ("things/parts", "things/{name}", "parts"),
        ("things//parts", "things/{name}", "/parts"),
        ("things/a/parts/b", "things/{name}", "a/parts/b"),
    ],
)
def test_what_belongs_to_an_object_is_told_from_the_object(hub: Hub, text: str, name: str, parameter: str) -> None:
    topic, parameters = hub.find_topic(text)

    assert (topic.name, parameters) == (name, {"name": parameter})


def test_subscriptions_are_bounded(hub: Hub, join: Join) -> None:
    _, connection = join()
    for number in range(module.MOST_SUBSCRIPTIONS):
        hub.subscribe(connection, f"things/{number}")

    hub.subscribe(connection, "things/0")
    with pytest.raises(TooManySubscriptions):
        hub.subscribe(connection, "things")
    hub.unsubscribe(connection, "things/0")
    hub.subscribe(connection, "things")


def test_swarm_is_watched_while_somebody_follows(crane: Crane, hub: Hub, join: Join) -> None:
    _, connection = join()
    watched = [crane.cache.watched]

    hub.subscribe(connection, "things")
    watched.append(crane.cache.watched)
    hub.unsubscribe(connection, "things")
    watched.append(crane.cache.watched)

    assert watched == [False, True, False]
    assert hub._boards == {}


def test_connections_are_bounded(crane: Crane, hub: Hub, make_peer: Any) -> None:
    hub._places = type(hub._places)(1)
    with hub.connected(lambda: make_peer().websocket, ANN):
        with pytest.raises(LiveFull), hub.connected(lambda: make_peer().websocket, ANN):
            pass
        assert len(hub) == 1
    with hub.connected(lambda: make_peer().websocket, ANN):
        assert len(hub) == 1


def test_requests_keep_a_tenth_of_the_threads(crane: Crane) -> None:
    assert Hub(crane).most == min(1000, crane.settings["server.threads"] * 9 // 10)


def test_server_that_stops_takes_leave_and_lets_nobody_in(hub: Hub, join: Join, make_peer: Any) -> None:
    peer, _ = join()

    hub.close()

    assert peer.closed() == (1001, "The server stops.")
    with pytest.raises(LiveFull), hub.connected(lambda: make_peer().websocket, ANN):
        pass


def test_forgotten_departures_are_made_up_for_by_a_snapshot(hub: Hub, things: Any, join: Join, step: Any) -> None:
    many = {f"n{number}": "1" for number in range(MOST_GONE + 1)}
    things.set(a="1", b="1", **many)
    peer, connection = join()
    hub.subscribe(connection, "things")
    step()
    while connection.websocket.busy:
        peer.messages()
        connection.websocket.flush()
    peer.messages()

    things.set(**dict.fromkeys(many, None))
    step()

    [message] = peer.messages()
    assert set(message["snapshot"]) == {"a", "b"}


@pytest.mark.parametrize("caller", ["server", "ann"])
def test_changes_replayed_on_a_snapshot_give_what_there_is(
    hub: Hub, things: Any, join: Join, step: Any, caller: str
) -> None:
    chance = random.Random(caller)
    names = [f"n{number}" for number in range(12)]
    peer, connection = join(Identity(caller, "server" if caller == "server" else "user"))
    hub.subscribe(connection, "things")
    items: dict[str, Any] = {}
    for _ in range(300):
        things.set(**{chance.choice(names): chance.choice([None, "1", "2", "3"]) for _ in range(chance.randint(0, 5))})
        things.hidden["ann"] = set(chance.sample(names, 4))
        step()
        for message in peer.messages():
            if "snapshot" in message:
                items = message["snapshot"]
            else:
                items.update(message["changes"]["set"])
                for gone in message["changes"]["gone"]:
                    items.pop(gone, None)
        hidden = things.hidden["ann"] if caller == "ann" and connection.following["things"].checked_at >= 0 else set()
        if connection.following["things"].seen.revision != hub._boards["things"].revision:
            pytest.fail("Not everything was sent.")
        shown = {name: item(name, value) for name, value in things.rows.items() if name not in hidden}
        if caller == "server":
            assert items == shown
    for _ in range(int(module.RECHECK_SECONDS) + 1):
        step()
    for message in peer.messages():
        items = message.get("snapshot", items)
        items.update(message.get("changes", {"set": {}})["set"])
        for gone in message.get("changes", {"gone": []})["gone"]:
            items.pop(gone, None)
    hidden = things.hidden["ann"] if caller == "ann" else set()
    assert items == {name: item(name, value) for name, value in things.rows.items() if name not in hidden}
