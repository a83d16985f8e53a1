"""The server's own Engine when it hangs: who finds it out, and who is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.link import PATIENCE_SECONDS
from crane_core.engine.pool import Pool
from crane_core.errors import EngineUnavailable
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter


class Hanging(MemoryAdapter):
    """A manager's Engine that answers nothing while it is halted; where it is only slow, it answers pings."""

    def __init__(self, swarm: MemorySwarm) -> None:
        super().__init__(swarm)
        self.halted = False
        self.slow = False
        self.go_on = threading.Event()
        self.asked: list[str] = []

    def send(self, request, *arguments, **named):  # type: ignore[no-untyped-def]
        path = urlsplit(str(request.url)).path
        self.asked.append(path)
        if path == "/_ping" and self.halted:
            raise requests.ReadTimeout
        if path == "/_ping" and self.slow:
            self.go_on.set()
        elif self.halted or self.slow:
            self.go_on.wait(30)
        return super().send(request, *arguments, **named)


@pytest.fixture
def memory() -> MemorySwarm:
    return MemorySwarm(nodes=1)


@pytest.fixture
def adapter(memory: MemorySwarm) -> Iterator[Hanging]:
    adapter = Hanging(memory)
    yield adapter
    adapter.go_on.set()


@pytest.fixture
def crane(adapter: Hanging, tmp_path: Path) -> Iterator[Crane]:
    """A server whose loops do not run, which has read its Swarm."""
    app = application.create_app({"server.data_directory": str(tmp_path)}, environ={}, plugins=(), transport=adapter)
    crane: Crane = app.extensions["crane"]
    crane.watcher.look()
    yield crane
    adapter.go_on.set()
    application.stop(app)


@pytest.fixture
def pool(crane: Crane) -> Pool:
    pool = crane.room(Pool)
    pool.get("node1")
    return pool


def test_a_manager_that_hangs_is_found_out_and_left_alone(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable) as found_out:
        pool.ask_manager(lambda engine: engine.swarm())
    asked = len(adapter.asked)

    with pytest.raises(EngineUnavailable) as told:
        pool.ask_manager(lambda engine: engine.swarm())

    assert len(adapter.asked) == asked
    assert (told.value.code, told.value.detail) == ("engine-unavailable", found_out.value.detail)
    source = crane.cache.snapshot().source
    assert (source.state, source.error) == ("stale", told.value.detail)


def test_a_manager_that_is_slow_is_waited_for(pool: Pool, adapter: Hanging) -> None:
    adapter.slow = True

    assert pool.ask_manager(lambda engine: engine.swarm())["ID"]


def test_a_manager_that_waits_for_its_key_says_so_after_it_was_gone(
    crane: Crane, pool: Pool, adapter: Hanging, memory: MemorySwarm
) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable):
        pool.ask_manager(lambda engine: engine.swarm())

    adapter.halted = False
    memory.cluster.locked = True
    # Whoever asks it past the pool, as the watcher does, hears from it first.
    with pytest.raises(EngineUnavailable):
        crane.engine.nodes()

    with pytest.raises(EngineUnavailable) as told:
        pool.ask_manager(lambda engine: engine.swarm())
    assert told.value.code == "swarm-locked"


def test_what_is_known_is_old_as_soon_as_a_look_is_kept_waiting(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    looking = threading.Thread(target=crane.watcher.step, daemon=True)
    crane.watcher.wake()
    pool._clock = pool.link("node1")._clock = crane.watcher._clock = lambda: crane.cache.clock() + 60
    before = len(adapter.asked)
    looking.start()
    while len(adapter.asked) == before:
        looking.join(0.01)
    pool._clock = lambda: crane.cache.clock() + 60 + PATIENCE_SECONDS + 1

    for look in pool.look():
        look.result(10)

    assert looking.is_alive()
    assert crane.cache.snapshot().source.state == "stale"
    adapter.halted = False
    adapter.go_on.set()
    looking.join(10)
    assert crane.cache.snapshot().source.state == "fresh"


def test_a_late_answer_has_the_manager_looked_at_at_once(crane: Crane, pool: Pool) -> None:
    link = pool.link("node1")
    for _ in range(5):
        link.fail("It hangs.")

    crane.engine.version()

    assert link.due is not None
    assert link.due <= crane.cache.clock()
    [look] = pool.look()
    look.result(10)
    assert pool.ask_manager(lambda engine: engine.swarm())["ID"]
