"""The sampler: whom it asks how often, and what becomes of what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.inventory import Inventory
from crane_core.engine.pool import Pool
from crane_core.monitoring.stats.operations import find_row
from crane_core.monitoring.stats.past import find_course
from crane_core.monitoring.stats.sampler import ALL, INTEREST_SECONDS, Sampler
from crane_core.testing.contract.asking import service
from crane_core.testing.node_engine.stats import Load
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter, find_memory_endpoint


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def swarm() -> MemorySwarm:
    swarm = MemorySwarm(nodes=3)
    body = service("web", "lab/web:v1", replicas=3)
    swarm.handle("POST", "/services/create", body=msgspec.json.encode(body))
    swarm.settle()
    return swarm


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> dict[str, Any]:
    return {}


@pytest.fixture
def app(swarm: MemorySwarm, clock: Clock, settings: dict[str, Any], tmp_path: Path) -> Flask:
    """A server that does nothing by itself."""
    given = {"server.data_directory": str(tmp_path), **settings}
    app = application.create_app(given, environ={}, plugins=(), transport=MemoryAdapter(swarm), clock=clock)
    crane: Crane = app.extensions["crane"]
    crane.room(Pool).add_finder(lambda node: find_memory_endpoint(swarm, node))
    crane.watcher.look()
    return app


@pytest.fixture
def crane(app: Flask) -> Crane:
    found: Crane = app.extensions["crane"]
    return found


@pytest.fixture
def pass_time(crane: Crane, swarm: MemorySwarm, clock: Clock) -> Callable[[float], int]:
    """Let time pass for the server and the Swarm, and have it sample; returns how many containers it asked about."""
    pool, sampler = crane.room(Pool), crane.room(Sampler)

    def act(seconds: float) -> int:
        clock.now += seconds
        swarm.advance(seconds)
        crane.watcher.look(full=True)
        for node in crane.cache.snapshot().nodes.values():
            if not pool.link(node.id).error:
                pool.ask([node], lambda engine: engine.ping(), patience=60)
        crane.room(Inventory).read("containers", patience=60)
        begun = sampler.step()
        for each in begun:
            each.result(60)
        sampler.book.sum_up()
        return len(begun)

    return act


def test_rates_need_two_samples(crane: Crane, pass_time: Callable[[float], int]) -> None:
    pass_time(1)
    first = find_row(crane, "service", "web")
    pass_time(2)
    second = find_row(crane, "service", "web")

    assert first is not None
    assert second is not None
    assert (first.get("cpu"), first.get("memory")) == (None, 3 * 32 * 2**20)
    assert second.get("cpu") == pytest.approx(0.75)
    assert second.get("network_received") == pytest.approx(6000, rel=1e-3)
    assert second.get("disk_written") == pytest.approx(3 * 8192, rel=1e-3)
    assert (second.containers, second.missing, second.fresh) == (3, 0, True)


def test_everything_is_asked_slowly_while_nobody_watches(pass_time: Callable[[float], int]) -> None:
    pass_time(1)
    pass_time(2)
    asked = sum(pass_time(1) for _ in range(40))

    # Three containers every ten seconds; the first time a little sooner, and not all at once.
    assert 12 <= asked <= 18


def test_what_somebody_watches_is_asked_every_two_seconds(crane: Crane, pass_time: Callable[[float], int]) -> None:
    pass_time(1)
    pass_time(2)
    asked = 0
    for _ in range(5):
        crane.room(Sampler).note_interest(*ALL)
        asked += pass_time(2)

    assert asked == 15


def test_only_what_somebody_watches_is_asked_often(crane: Crane, pass_time: Callable[[float], int]) -> None:
    pass_time(1)
    pass_time(2)
    node = crane.cache.snapshot().get_node("node2")
    asked = 0
    for _ in range(5):
        crane.room(Sampler).note_interest("node", node.id)
        asked += pass_time(2)

    assert 5 <= asked <= 9


def test_interest_wears_off(crane: Crane, pass_time: Callable[[float], int]) -> None:
    crane.room(Sampler).note_interest(*ALL)
    pass_time(1)
    pass_time(2)
    pass_time(INTEREST_SECONDS + 1)

    assert sum(pass_time(2) for _ in range(10)) <= 9


def test_course_has_a_point_for_each_half_minute_of_ten_minutes(
    crane: Crane, pass_time: Callable[[float], int]
) -> None:
    assert find_course(crane, "service", "nothing") is None
    for _ in range(36):
        pass_time(10)
    row = find_row(crane, "service", "web")
    assert row is not None

    course = find_course(crane, "service", row.id)

    assert course is not None
    assert [len(course["cpu"]), len(course["memory"])] == [20, 20]
    assert course["memory"] == 7 * [None] + 13 * [3 * 32 * 2**20]
    assert course["cpu"][-1] == pytest.approx(0.75)


def test_list_of_how_things_went_hurries_nothing(app: Flask, pass_time: Callable[[float], int]) -> None:
    for seconds in (1, 2, 10, 10):
        pass_time(seconds)
    client = app.test_client()

    client.get("/api/v1/stats/services?course=true")
    assert pass_time(3) == 0
    client.get("/api/v1/stats/services")

    assert pass_time(3) == 3


class TestSwitchedOff:
    """Nothing is measured while nobody watches."""

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"monitoring.stats_seconds": 0.0}

    def test_nobody_is_asked_unasked(self, crane: Crane, pass_time: Callable[[float], int]) -> None:
        assert pass_time(1) + pass_time(60) == 0

        crane.room(Sampler).note_interest(*ALL)

        assert pass_time(2) == 3


def test_a_node_that_is_gone_is_not_in_the_sum(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    pass_time(1)
    pass_time(2)
    swarm.engine("node3").node.reachable = False
    crane.room(Pool).link(crane.cache.snapshot().get_node("node3").id).fail("It is gone.")
    for _ in range(8):
        pass_time(5)

    row, node = find_row(crane, "service", "web"), find_row(crane, "node", "node3")
    assert row is not None
    assert node is not None
    assert (row.containers, row.missing) == (2, 1)
    assert row.get("cpu") == pytest.approx(0.5)
    # What is known of it last is still told, and that it is old.
    assert (node.fresh, node.get("cpu")) == (False, pytest.approx(0.25))


def test_a_container_that_ended_is_gone_from_the_sum_and_keeps_its_past(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    pass_time(1)
    pass_time(2)
    task = next(iter(swarm.tasks("web")))["ID"]
    sent = crane.cache.snapshot().get_service("web")
    crane.engine.update("service", sent.id, sent.version, service("web", "lab/web:v1", replicas=1))
    swarm.settle()
    for _ in range(4):
        pass_time(5)

    book = crane.room(Sampler).book
    row = find_row(crane, "service", "web")
    assert row is not None
    assert row.containers == 1
    assert len(book.live()) == 1
    past = book.of_task(task)
    assert past is not None
    assert past.points("memory", 0, 2000, 2, 1010) != []


def test_what_is_gone_is_forgotten_in_the_end(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    pass_time(1)
    pass_time(2)
    book = crane.room(Sampler).book
    known = book.bytes
    crane.engine.remove("service", crane.cache.snapshot().get_service("web").id)
    swarm.settle()
    pass_time(10)
    pass_time(25 * 3600)

    assert known > 0
    assert book.bytes == 0


def test_no_more_of_those_that_are_gone_are_remembered_than_may_be(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    pass_time(1)
    pass_time(2)
    book = crane.room(Sampler).book
    book._most = 1
    crane.engine.remove("service", crane.cache.snapshot().get_service("web").id)
    swarm.settle()
    pass_time(10)
    ids = [track.id for track in book._containers.values()]
    book.forget()

    assert len(ids) == 3
    assert sum(book.container(id_) is not None for id_ in ids) == 1


def test_a_count_that_fell_began_anew(crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]) -> None:
    pass_time(1)
    for node in ("node1", "node2", "node3"):
        swarm.engine(node).stats.loads["web"] = Load(cpu=0.0)
    pass_time(2)
    row = find_row(crane, "service", "web")

    assert row is not None
    assert row.get("cpu") is None
    assert row.get("memory") == 3 * 32 * 2**20


def test_containers_without_a_task_are_sampled_with_their_limits(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    containers = swarm.engine("node2").containers
    id_ = containers.add("tool")
    containers.own[id_]["HostConfig"] |= {"NanoCpus": 500_000_000, "Memory": 64 * 2**20}
    containers.add("stopped", running=False)
    pass_time(1)
    pass_time(2)
    row = find_row(crane, "container", id_)

    assert row is not None
    assert (row.name, row.node, row.stack, row.service) == ("tool", "node2", None, None)
    assert (row.cpu_limit, row.memory_limit) == (0.5, 64 * 2**20)
    assert row.cpu_percent == pytest.approx(50)
    assert find_row(crane, "container", "stopped") is None


def test_container_that_is_renamed_or_whose_node_joined_anew_goes_on(
    crane: Crane, swarm: MemorySwarm, pass_time: Callable[[float], int]
) -> None:
    containers, book = swarm.engine("node2").containers, crane.room(Sampler).book
    id_ = containers.add("tool")
    pass_time(1)
    pass_time(2)
    track = book.container(id_)
    assert track is not None
    before = track.node_id
    [item] = [each for each in crane.room(Pool).get(before).read_json("/containers/json") if each["Id"] == id_]

    containers.own[id_]["Name"] = "/renamed"
    crane.room(Inventory).note_change(before, "containers")
    pass_time(30)
    pass_time(12)
    assert track.name == "renamed"

    book.take_list("anew", [{**item, "Names": ["/renamed"]}], {})
    book.keep_nodes(["anew"])
    assert (track.node_id, track.gone_at) == ("anew", None)
    book.sum_up()
    assert book.sum("node", "anew") is not None
