from __future__ import annotations

import threading

import pytest
import requests

from crane_core.engine import watch
from crane_core.engine.cache import Cache
from crane_core.engine.watch import Intervals, Watcher
from crane_core.errors import EngineUnavailable
from crane_core.testing.waiting import PATIENT_SECONDS
from tests.core.engine.making import node_json, service_json, task_json


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cache(clock):
    return Cache(clock)


@pytest.fixture
def watcher(engine, cache):
    return Watcher(engine, cache, jitter=lambda: 1.0)


@pytest.fixture
def looked(watcher, wire):
    """A watcher that has looked once, at two services and their tasks."""
    wire.lists["services"] = [service_json("a"), service_json("b")]
    wire.lists["tasks"] = [task_json("ta", "a"), task_json("tb", "b")]
    watcher.step()
    wire.requests.clear()
    # As if the Engine's events were followed, so that lists are not read for want of them.
    watcher.listening = True
    return watcher


def _tell(asked):
    return [one.removeprefix("GET /") for one in asked]


def _tasks_read_at(watcher, wire, clock):
    """Look once a second for a minute; return the seconds at which tasks were read."""
    read_at = []
    for second in range(60):
        wire.requests.clear()
        watcher.look()
        if "tasks" in _tell(wire.asked):
            read_at.append(second)
        clock.now += 1
    return read_at


def test_the_first_look_reads_everything(watcher, wire, cache):
    wire.fill()

    watcher.step()

    assert set(_tell(wire.asked)) == {"services", "nodes", "networks", "configs", "secrets", "tasks"}
    snapshot = cache.snapshot()
    assert snapshot.source.state == "fresh"
    assert len(snapshot.services) == 6
    assert snapshot.find_node("node1").leader


def test_a_look_at_a_quiet_swarm_reads_the_services_only(looked, wire):
    looked.look()

    assert _tell(wire.asked) == ["services"]


def test_tasks_are_read_of_the_service_that_changed_only(looked, wire, cache):
    wire.lists["services"][0]["ServiceStatus"]["RunningTasks"] = 0
    wire.lists["tasks"][0]["Version"]["Index"] = 2
    wire.lists["tasks"][1]["Version"]["Index"] = 2

    looked.look()

    assert _tell(wire.asked) == ["services", "tasks"]
    assert {id_: tasks[0].version for id_, tasks in cache.snapshot().tasks.items()} == {"a": 2, "b": 1}


def test_a_service_that_does_not_settle_is_looked_at_ever_less_often(looked, wire, clock):
    wire.lists["services"][0] = service_json("a", running=0)

    assert _tasks_read_at(looked, wire, clock) == [0, 1, 3, 7, 15, 25, 35, 45, 55]


def test_tasks_of_a_node_that_changed_are_read_for_a_while_although_as_many_run(looked, wire, clock, cache):
    wire.lists["nodes"] = [node_json("n")]
    wire.lists["tasks"] = [task_json("ta", "a", 2, NodeID="n"), task_json("tb", "b", 2, NodeID="m")]
    looked.look(full=True)
    wire.lists["nodes"] = [node_json("n", version=2)]
    wire.lists["tasks"] = [task_json(id_, of, 3, "shutdown") for id_, of in (("ta", "a"), ("tb", "b"))]
    looked.hear({"Type": "node", "Action": "update"})

    assert _tasks_read_at(looked, wire, clock) == [0, 1, 3, 7, 15, 25]
    assert {id_: tasks[0].state for id_, tasks in cache.snapshot().tasks.items()} == {"a": "shutdown", "b": "running"}


def test_tasks_that_are_said_to_change_are_read_although_as_many_run(looked, wire, clock):
    looked.expect(["a", "gone"])

    assert _tasks_read_at(looked, wire, clock) == [0, 1, 3]


def test_an_attended_service_has_its_tasks_read_at_each_look(looked, wire):
    with looked.attend(["a"]):
        looked.look()
        looked.look()
    looked.look()

    assert _tell(wire.asked) == ["services", "tasks", "services", "tasks", "services"]


def test_a_service_that_is_attended_twice_stays_attended_until_both_are_done(looked, wire):
    with looked.attend(["a"]):
        with looked.attend(["a"]):
            pass
        looked.look()

    assert _tell(wire.asked) == ["services", "tasks"]


def test_a_service_that_vanishes_between_two_requests_takes_no_others_with_it(looked, wire, cache):
    wire.lists["services"] = [service_json("a", running=0), service_json("b", running=0)]
    wire.lists["tasks"][1]["Version"]["Index"] = 2

    def vanish(path):
        if path == "/services":
            wire.lists["services"] = wire.lists["services"][1:]

    wire.during = vanish
    looked.look()

    assert cache.snapshot().tasks["b"][0].version == 2


def test_it_looks_rarely_when_nobody_watches(looked):
    assert looked.step() == Intervals.long


def test_it_looks_often_after_somebody_asked_for_a_list(looked, clock):
    looked.note_interest()
    assert looked.step() == pytest.approx(Intervals.short)

    clock.now += watch.INTEREST_SECONDS
    looked.look()
    assert looked.step() == Intervals.long


def test_it_looks_often_while_a_subscriber_watches(looked, cache):
    _, subscription = cache.snapshot_and_subscribe(lambda old, new: None, watching=True)
    assert looked.step() == Intervals.short

    subscription.close()
    assert looked.step() == Intervals.long


def test_a_subscriber_that_does_not_watch_makes_no_difference(looked, cache):
    cache.snapshot_and_subscribe(lambda old, new: None)

    assert looked.step() == Intervals.long


def test_it_looks_most_often_while_an_operation_follows(looked, clock):
    with looked.attend(["a"]):
        clock.now += 1
        assert looked.step() == pytest.approx(Intervals.attended)


def test_an_event_brings_the_next_look_forward(looked, clock, wire):
    clock.now += 5

    looked.hear({"Type": "service", "Action": "update"})
    assert looked.step() == pytest.approx(watch.DEBOUNCE_SECONDS)
    assert wire.asked == []

    clock.now += watch.DEBOUNCE_SECONDS
    looked.step()
    assert _tell(wire.asked) == ["services"]


def test_looks_keep_their_distance_however_many_events_there_are(looked, clock):
    looked.hear({"Type": "service"})

    assert looked.step() == pytest.approx(watch.LEAST_GAP_SECONDS)


@pytest.mark.parametrize(
    ("kind", "path"),
    [("node", "nodes"), ("network", "networks"), ("config", "configs"), ("secret", "secrets")],
)
def test_an_event_has_the_list_of_its_kind_read_again(looked, wire, kind, path):
    looked.hear({"Type": kind, "Action": "create"})
    looked.look()
    looked.look()

    assert _tell(wire.asked) == ["services", path, "services"]


def test_networks_are_read_ever_less_often_after_one_was_removed(looked, wire, clock):
    looked.hear({"Type": "network", "Action": "remove"})
    start, read_at = clock.now, []
    while clock.now < start + 120:
        pause = looked.step()
        if "GET /networks" in wire.asked:
            read_at.append(round(clock.now - start))
        wire.requests.clear()
        clock.now += pause

    assert read_at == [0, 1, 3, 7, 15, 31, 63]


def test_nodes_are_read_at_the_long_interval(looked, wire, clock, cache):
    clock.now += Intervals.long
    wire.lists["nodes"] = [node_json("n")]

    looked.look()

    assert _tell(wire.asked) == ["services", "nodes"]
    assert cache.snapshot().find_node("n")


def test_without_events_all_lists_are_read_at_the_long_interval(looked, wire, clock):
    looked.listening = False
    clock.now += Intervals.long

    looked.look()

    assert set(_tell(wire.asked)) == {"services", "nodes", "networks", "configs", "secrets"}


def test_everything_is_read_again_after_long_enough(looked, wire, clock):
    clock.now += Intervals.full

    looked.look()

    assert set(_tell(wire.asked)) == {"services", "nodes", "networks", "configs", "secrets", "tasks"}
    assert looked.full_readings == 2


def test_somebody_who_comes_back_sees_tasks_that_died_unseen(looked, wire, clock, cache):
    clock.now += watch.OLDEST_TASKS_SECONDS + 1
    wire.lists["tasks"][0]["Version"]["Index"] = 9

    looked.note_interest()
    looked.step()

    assert cache.snapshot().tasks["a"][0].version == 9


def test_an_engine_that_goes_away_leaves_the_copy_with_its_age(looked, wire, clock, cache):
    wire.broken = requests.ConnectionError(ConnectionRefusedError(111, "Connection refused"))
    clock.now += 20
    with pytest.raises(EngineUnavailable):
        looked.look()

    assert len(cache.snapshot().services) == 2
    (source,) = cache.sources()
    assert (source["state"], source["age"]) == ("stale", 20)
    assert "Connection refused" in source["error"]


def test_an_engine_that_is_gone_is_tried_ever_less_often_and_for_ever(looked, wire, clock):
    wire.broken = requests.ConnectionError()
    clock.now += 20

    pauses = []
    for _ in range(8):
        pauses.append(looked.step())
        clock.now += pauses[-1]

    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 10, 10, 10])


def test_an_engine_that_comes_back_is_read_anew(looked, wire, clock, cache):
    wire.broken = requests.ConnectionError()
    clock.now += 20
    pause = looked.step()
    wire.broken = None
    wire.lists["tasks"][0]["Version"]["Index"] = 5
    wire.requests.clear()
    clock.now += pause

    looked.step()

    assert "tasks" in _tell(wire.asked)
    assert cache.snapshot().tasks["a"][0].version == 5
    assert cache.snapshot().source.state == "fresh"
    assert cache.snapshot().source.error is None


def test_who_was_not_answered_before_the_last_look_makes_nothing_old(looked, clock, cache):
    asked_at = clock.now
    clock.now += 1
    looked.look()

    looked.doubt("It does not answer.", asked_at)
    assert cache.snapshot().source.state == "fresh"
    looked.doubt("It does not answer.", clock.now)

    assert cache.snapshot().source.state == "stale"


def test_what_was_just_written_is_read_back_with_its_tasks(looked, wire, cache):
    wire.lists["services"].append(service_json("new"))
    wire.lists["tasks"].append(task_json("tn", "new"))

    snapshot = looked.refresh(services=["new"])

    assert snapshot.services["new"].name == "name-new"
    assert [task.id for task in snapshot.tasks_of("new")] == ["tn"]
    assert _tell(wire.asked) == ["services", "tasks"]


def test_what_was_just_removed_is_gone_after_reading_back(looked, wire):
    wire.lists["services"] = wire.lists["services"][:1]

    snapshot = looked.refresh(services=["b"])

    assert (set(snapshot.services), set(snapshot.tasks)) == ({"a"}, {"a"})


def test_a_write_stands_although_it_cannot_be_read_back(looked, wire, cache):
    before = cache.snapshot()
    wire.broken = requests.ConnectionError()

    assert looked.refresh(services=["a"], networks=["n"]) is before


def test_a_slow_look_does_not_undo_what_was_read_back_meanwhile(looked, wire, cache):
    def write(path):
        # The list has been made; before it arrives, somebody creates a service and reads it back.
        wire.during = lambda path: None
        wire.lists["services"] = [*wire.lists["services"], service_json("new")]
        looked.refresh(services=["new"])

    wire.during = write
    looked.look()

    assert "new" in cache.snapshot().services


def test_many_services_at_once_are_read_in_one_go(looked, wire, cache):
    count = watch.MOST_FILTERED + 1
    wire.lists["services"] = [service_json(f"s{number}") for number in range(count)]

    looked.look()

    assert _tell(wire.asked) == ["services", "tasks"]
    assert "filters" not in wire.requests[-1].url


def test_started_it_keeps_the_copy_true_until_it_is_stopped(engine, wire):
    wire.lists["services"] = [service_json("a")]
    # Without a stream of events, which this wire does not have, it goes by its intervals.
    wire.answers["GET", "/events"] = (500, {"message": "no events here"})
    cache = Cache()
    watcher = Watcher(engine, cache, Intervals(short=0.01, attended=0.01, long=0.01, full=0.01))
    watcher.start()
    try:
        assert cache.wait_for_change(0, PATIENT_SECONDS).version
        wire.lists["services"] = [service_json("a"), service_json("b")]
        arrived = threading.Event()
        _, subscription = cache.snapshot_and_subscribe(lambda old, new: arrived.set() if "b" in new.services else None)
        if "b" not in cache.snapshot().services:
            assert arrived.wait(PATIENT_SECONDS)
        subscription.close()
    finally:
        watcher.stop()
    sent = len(wire.requests)

    wire.lists["services"] = []
    assert "b" in cache.snapshot().services
    assert len(wire.requests) == sent


SETTINGS = {"watch.short_seconds": 0.2, "watch.long_seconds": 20.0, "watch.full_seconds": 600.0}


def test_the_intervals_come_from_the_settings(engine, cache):
    watcher = Watcher.from_settings(engine, cache, SETTINGS)

    assert watcher.intervals == Intervals(short=0.2, attended=0.2, long=20.0, full=600.0)
