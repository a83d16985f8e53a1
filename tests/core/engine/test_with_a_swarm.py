"""Client, watcher and copy together, with a whole Swarm behind them."""

from __future__ import annotations

import threading

import pytest

from crane_core.engine.cache import Cache
from crane_core.engine.client import Engine
from crane_core.engine.watch import Intervals, Watcher
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter

SPEC = {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx"}}, "Mode": {"Replicated": {"Replicas": 2}}}


@pytest.fixture
def swarm():
    return MemorySwarm(nodes=3)


@pytest.fixture
def engine(swarm):
    return Engine(transport=MemoryAdapter(swarm))


@pytest.fixture
def cache():
    return Cache()


@pytest.fixture
def watcher(engine, cache):
    """A watcher that never looks of its own accord, and does not pause for long when it fails."""
    watcher = Watcher(engine, cache, Intervals(3600, 3600, 3600, 3600), jitter=lambda: 0.01)
    watcher.start()
    until(cache, lambda snapshot: snapshot.source.state == "fresh" and watcher.listening)
    yield watcher
    watcher.stop()


def until(cache, holds):
    """Wait until something holds of the copy; there is no sleeping, each change is looked at."""
    arrived = threading.Event()
    with cache.snapshot_and_subscribe(lambda old, new: arrived.set() if holds(new) else None)[1]:
        for _ in range(6000):
            if holds(cache.snapshot()) or arrived.wait(0.01):
                return
    raise AssertionError("It did not come to hold.")


@pytest.mark.parametrize("kind", ["network", "config", "secret"])
def test_what_others_create_is_seen_by_its_event(watcher, swarm, cache, kind):
    body = {"Name": "new"} if kind == "network" else {"Name": "new", "Data": "YQ=="}
    other = Engine(transport=MemoryAdapter(swarm))

    other.create(kind, {**body, **({"Driver": "overlay"} if kind == "network" else {})})

    until(cache, lambda snapshot: getattr(snapshot, f"{kind}_named")("new") is not None)


def test_a_service_is_followed_from_its_making_to_its_end(watcher, engine, swarm, cache):
    service_id = engine.create("service", SPEC)
    assert watcher.refresh(services=[service_id]).service_named("web").tasks_running == 0

    with watcher.attend([service_id]):
        swarm.settle()
        assert watcher.look().services[service_id].settled
        assert {task.state for task in cache.snapshot().tasks_of(service_id)} == {"running"}

    engine.remove("service", service_id)
    assert watcher.refresh(services=[service_id]).services == {}


def test_an_engine_that_goes_and_comes_back_needs_nobodys_help(watcher, engine, swarm, cache):
    engine.create("service", SPEC)
    watcher.look()
    swarm.go_away()
    watcher.wake()
    until(cache, lambda snapshot: snapshot.source.state == "stale")
    assert cache.snapshot().service_named("web") is not None

    swarm.come_back()

    until(cache, lambda snapshot: snapshot.source.state == "fresh")


def test_a_plan_is_made_from_what_is_there_now(watcher, engine, cache):
    engine.create("config", {"Name": "motd", "Data": "YQ=="})

    assert watcher.fresh().config_named("motd").digest.startswith("sha256:")
