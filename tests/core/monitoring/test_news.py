"""Facts about the events that the live copy of the Swarm gives rise to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask

from crane_core.context import Crane
from crane_core.errors import EngineUnavailable
from crane_core.events import Event
from crane_core.plugins import Plugin
from crane_core.testing import MemorySwarm
from crane_core.testing.plugins import make_plugin
from crane_core.testing.waiting import until_read_again


@pytest.fixture
def heard() -> list[Event]:
    """The events that a listener was told of."""
    return []


@pytest.fixture
def crane_plugins(heard: list[Event]) -> list[Plugin]:
    """A plugin that listens."""

    def crane_event(event: Event) -> None:
        heard.append(event)

    return [make_plugin("listener", crane_event)]


@pytest.fixture
def look(crane: Crane, crane_app: Flask) -> Callable[[], None]:
    """Look at the whole Swarm now, and wait until everybody is told."""

    def look() -> None:
        with suppress(EngineUnavailable):
            crane.watcher.look(full=True)
        crane.events.drain()

    return look


def test_drained_node_is_told_of(swarm: MemorySwarm, look: Callable[[], None], heard: list[Event]) -> None:
    swarm.drain("node2")
    look()

    events = [event for event in heard if event.kind == "node.changed"]
    assert [event.name for event in events] == ["node2"]
    assert events[0].detail["old"] == {"state": "ready", "availability": "active", "role": "worker"}
    assert events[0].detail["new"] == {"state": "ready", "availability": "drain", "role": "worker"}


def test_engine_that_goes_and_comes_back_is_told_of(
    crane: Crane, swarm: MemorySwarm, look: Callable[[], None], heard: list[Event]
) -> None:
    swarm.go_away()
    look()
    swarm.come_back()
    until_read_again(crane)
    look()

    assert [event.kind for event in heard if event.kind.startswith("engine.")] == ["engine.lost", "engine.returned"]
    assert all(event.name for event in heard if event.kind.startswith("engine."))


def test_first_reading_is_no_news(look: Callable[[], None], heard: list[Event]) -> None:
    look()

    assert heard == []
