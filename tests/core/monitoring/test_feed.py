"""The feed: one order, cursors, and what is said when something is missing."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.context import Crane
from crane_core.monitoring.feed.feed import Feed
from crane_core.monitoring.feed.model import (
    LOST,
    MOST_BYTES,
    Draft,
    Entry,
    Filter,
    UnknownCursor,
    fit,
    read_cursor,
    write_cursor,
)
from crane_core.monitoring.feed.sources import Sources
from crane_core.security import Target
from crane_core.testing.swarm import MemorySwarm

AT = "2026-01-01T00:00:00Z"


@pytest.fixture
def swarm() -> MemorySwarm:
    return MemorySwarm(nodes=2)


@pytest.fixture
def crane_settings() -> dict[str, Any]:
    return {"monitoring.events_kept": 5}


@pytest.fixture
def feed(crane: Crane) -> Feed:
    """A feed that nothing else writes to."""
    return Feed(crane)


def draft(name: str = "web", **members: Any) -> Draft:
    return Draft(AT, "node", "container.die", Target("container", name, "c1", members.pop("stack", None)), **members)


def told(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(entry.text)
    return found


def test_what_happens_is_numbered_in_one_order(feed: Feed) -> None:
    threads = [threading.Thread(target=lambda: [feed.add(draft()) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert feed.last == 200
    assert [entry.number for entry in feed.after(0)] == [196, 197, 198, 199, 200]
    assert [entry.number for entry in feed.newest_first(199)] == [198, 197, 196]


def test_who_shows_a_cursor_gets_what_came_after_it(feed: Feed) -> None:
    first, second = feed.add(draft("a")), feed.add(draft("b"))
    place = feed.find(first.cursor)

    assert place.lost is None
    assert feed.after(place.number) == [second]
    assert feed.after(feed.find(second.cursor).number) == []


def test_who_comes_too_late_is_told_how_much_they_missed(feed: Feed) -> None:
    cursor = feed.add(draft()).cursor
    for _ in range(8):
        feed.add(draft())
    place = feed.find(cursor)

    assert place.lost is not None
    lost = told(place.lost)
    assert (lost["kind"], lost["detail"]["code"], lost["detail"]["lost"]) == (LOST, "cursor-too-old", 3)
    assert [entry.number for entry in feed.after(place.number)] == [5, 6, 7, 8, 9]
    # With the cursor of that, they are told no such thing again.
    assert feed.find(place.lost.cursor).lost is None


def test_who_comes_from_before_a_restart_is_told_so(feed: Feed, crane: Crane) -> None:
    cursor = feed.add(draft()).cursor
    again = Feed(crane)
    again.add(draft())
    place = again.find(cursor)

    assert place.lost is not None
    assert told(place.lost)["detail"]["code"] == "server-restarted"
    assert len(again.after(place.number)) == 1


@pytest.mark.parametrize("cursor", ["", "x", "-", "-1", "a-b", "a-1-2", "é-1", f"a-{'9' * 30}", "a'b-1"])
def test_what_is_no_cursor_is_refused(feed: Feed, cursor: str) -> None:
    with pytest.raises(UnknownCursor):
        feed.find(cursor)


def test_a_cursor_of_the_future_is_refused(feed: Feed) -> None:
    with pytest.raises(UnknownCursor, match="not happened yet"):
        feed.find(write_cursor(feed.epoch, 7))


@given(st.from_regex(r"[0-9a-f]{8}", fullmatch=True), st.integers(0, 10**15))
def test_cursors_are_read_as_they_were_written(epoch: str, number: int) -> None:
    assert read_cursor(write_cursor(epoch, number)) == (epoch, number)


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_detail_is_larger_than_fits(value: Any) -> None:
    assert len(msgspec.json.encode(fit({"detail": value, "more": ["x" * 10_000] * 50}))) <= MOST_BYTES + 100


def test_what_looks_secret_is_hidden() -> None:
    shown = fit({"password": "p", "text": "https://ann:s3cret@host", "name": "web"})

    assert shown == {"password": "(hidden)", "text": "https://ann:(hidden)@host", "name": "web"}


def test_who_waits_is_woken_by_what_happens_and_by_the_end(feed: Feed) -> None:
    woken: list[int] = []

    def wait() -> None:
        feed.wait(0, 60)
        woken.append(feed.last)
        feed.wait(feed.last, 60)
        woken.append(-1)

    thread = threading.Thread(target=wait)
    thread.start()
    feed.add(draft())
    while not woken:
        feed.wait(1, 0.01)
    feed.close()
    thread.join(60)

    assert woken == [1, -1]


def test_filters_keep_what_they_name() -> None:
    entry = Entry.of(draft("web", stack="shop", node="n1", service="shop_web"), 1, "e")

    for members in (
        {"kinds": {"container.die"}},
        {"kinds": {"container"}},
        {"names": {"web"}},
        {"stacks": {"shop", "x"}},
        {"nodes": {"n1"}},
        {"services": {"shop_web"}},
        {"sources": {"node"}},
        {"since": 1767225600.0},
        {"until": 1767225601.0},
    ):
        assert Filter(
            **{key: frozenset(value) if isinstance(value, set) else value for key, value in members.items()}
        ).wants(entry)  # type: ignore[arg-type]
    for members in (
        {"kinds": frozenset({"die"})},
        {"names": frozenset({"db"})},
        {"stacks": frozenset()},
        {"nodes": frozenset({"n2"})},
        {"since": 1767225601.0},
        {"until": 1767225600.0},
    ):
        assert not Filter(**members).wants(entry)  # type: ignore[arg-type]


class TestSources:
    """What becomes of what the Engines tell."""

    def test_an_event_of_a_node_names_it_and_what_it_belongs_to(self, crane: Crane) -> None:
        node = crane.cache.snapshot().get_node("node2")
        event = {
            "Type": "container",
            "Action": "die",
            "Actor": {
                "ID": "c1",
                "Attributes": {
                    "name": "shop_web.1.x",
                    "image": "nginx",
                    "exitCode": "1",
                    "com.docker.stack.namespace": "shop",
                    "com.docker.swarm.service.name": "shop_web",
                    "api_token": "s3cret",
                    "note": "a label of somebody's",
                },
            },
            "timeNano": 1767225600_500_000_000,
        }
        crane.room(Sources).hear_node(node.id, event)

        [entry] = [each for each in crane.room(Feed).newest_first() if each.draft.kind == "container.die"]
        found = told(entry)
        assert {key: found[key] for key in ("at", "source", "kind", "name", "node", "stack", "service", "detail")} == {
            "at": "2026-01-01T00:00:00.500000Z",
            "source": "node",
            "kind": "container.die",
            "name": "shop_web.1.x",
            "node": "node2",
            "stack": "shop",
            "service": "shop_web",
            "detail": {"image": "nginx", "exitCode": "1"},
        }
        assert entry.target == Target("container", "shop_web.1.x", "c1", "shop", node="node2")

    def test_what_a_container_of_a_service_says_of_its_stack_is_not_believed(self, crane: Crane) -> None:
        node = crane.cache.snapshot().get_node("node2")
        labels = {"com.docker.stack.namespace": "victim", "com.docker.swarm.service.id": "none"}
        event = {"Type": "container", "Action": "start", "Actor": {"ID": "c1", "Attributes": {"name": "x", **labels}}}
        crane.room(Sources).hear_node(node.id, event)

        [entry] = [each for each in crane.room(Feed).newest_first() if each.draft.kind == "container.start"]
        assert entry.target.stack is None

    def test_the_outcome_of_a_check_is_in_the_detail(self, crane: Crane) -> None:
        node = crane.cache.snapshot().get_node("node1")
        event = {"Type": "container", "Action": "health_status: unhealthy", "Actor": {"ID": "c", "Attributes": {}}}
        crane.room(Sources).hear_node(node.id, event)

        [entry] = [each for each in crane.room(Feed).newest_first() if each.draft.kind == "container.health_status"]
        assert told(entry)["detail"] == {"status": "unhealthy"}

    def test_an_event_of_a_node_that_is_gone_is_nobodys(self, crane: Crane) -> None:
        before = crane.room(Feed).last
        crane.room(Sources).hear_node("none", {"Type": "container", "Action": "die"})

        assert crane.room(Feed).last == before
