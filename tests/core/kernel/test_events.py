"""Facts about the delivery of events."""

from __future__ import annotations

import threading
from datetime import UTC

import pytest

from crane_core import events
from crane_core.events import Event, EventStream
from crane_core.plugins import Plugins
from crane_core.testing.plugins import make_plugin


def test_events_come_in_order_on_one_thread() -> None:
    heard: list[tuple[str, str]] = []
    stream = EventStream(lambda event: heard.append((event.name, threading.current_thread().name)))

    for number in range(100):
        stream.emit(Event("service.updated", str(number)))
    stream.drain()

    assert heard == [(str(number), "crane-events") for number in range(100)]
    assert stream.stop(60)


def test_emitting_does_not_wait_for_listeners() -> None:
    go = threading.Event()
    stream = EventStream(lambda event: go.wait(60) and None)

    stream.emit(Event("service.updated"))
    stream.emit(Event("service.updated"))

    go.set()
    stream.drain()
    assert stream.stop(60)


def test_listener_may_emit() -> None:
    heard: list[str] = []

    def deliver(event: Event) -> None:
        heard.append(event.kind)
        if event.kind == "first.done":
            stream.emit(Event("second.done"))

    stream = EventStream(deliver)
    stream.emit(Event("first.done"))
    stream.drain()

    assert heard == ["first.done", "second.done"]
    assert stream.stop(60)


def test_full_backlog_drops_and_counts(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(events, "BACKLOG", 2)
    go, begun = threading.Event(), threading.Event()

    def deliver(event: Event) -> None:
        begun.set()
        go.wait(60)

    stream = EventStream(deliver)
    stream.emit(Event("a.done"))
    assert begun.wait(60)
    for _ in range(5):
        stream.emit(Event("b.done"))
    go.set()
    stream.drain()

    assert stream.dropped == 3
    assert "b.done" in caplog.text
    assert stream.stop(60)


def test_stopping_delivers_what_is_left() -> None:
    heard: list[str] = []
    stream = EventStream(lambda event: heard.append(event.kind))
    stream.emit(Event("a.done"))
    stream.emit(Event("b.done"))

    assert stream.stop(60)

    assert heard == ["a.done", "b.done"]


def test_stopping_does_not_wait_for_ever_for_a_listener_that_hangs() -> None:
    go = threading.Event()
    stream = EventStream(lambda event: go.wait(30) and None)
    stream.emit(Event("a.done"))

    ended = stream.stop(timeout=0.01)

    go.set()
    assert not ended


def test_stream_that_never_ran_stops_at_once() -> None:
    assert EventStream(lambda event: None).stop()


def test_failing_plugin_does_not_end_the_delivery(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def crane_event(event: Event) -> None:
        heard.append(event.kind)
        raise RuntimeError("out of order")

    plugins = Plugins([make_plugin("broken", crane_event)])
    stream = EventStream(lambda event: plugins.notify("crane_event", event=event))
    stream.emit(Event("a.done"))
    stream.emit(Event("b.done"))
    stream.drain()

    assert heard == ["a.done", "b.done"]
    assert stream.stop(60)


def test_event_knows_when_it_happened_in_utc() -> None:
    assert Event("a.done").at.tzinfo is UTC
