"""The server's own Engine when it hangs: who finds it out, and who is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.errors import OutcomeUnknown
from crane_core.engine.pool import HEARD_SECONDS, Pool
from crane_core.errors import EngineUnavailable
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter
from crane_core.testing.waiting import PATIENT_SECONDS, until


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
            self.go_on.wait(PATIENT_SECONDS)
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
    settings = {"server.data_directory": str(tmp_path)}
    # No time passes, so that who did not answer is not due again by itself.
    app = application.create_app(settings, environ={}, plugins=(), transport=adapter, clock=lambda: 1000.0)
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


def hear_just_now(pool: Pool) -> None:
    """Have the manager answered so recently that it is told to change something without being asked whether it does."""
    link = pool.link("node1")
    link.get()
    pool._clock = lambda: link.answered_at or 0.0


def test_a_manager_that_hangs_is_found_out_and_left_alone(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable) as found_out:
        crane.engine.swarm()
    asked = len(adapter.asked)

    with pytest.raises(EngineUnavailable) as told:
        crane.engine.swarm()

    assert len(adapter.asked) == asked
    assert (told.value.code, told.value.detail) == ("engine-unavailable", found_out.value.detail)
    source = crane.cache.snapshot().source
    assert (source.state, source.error) == ("stale", told.value.detail)


def test_a_manager_that_is_slow_is_waited_for(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.slow = True

    assert crane.engine.swarm()["ID"]


def test_a_manager_that_waits_for_its_key_says_so_after_it_was_gone(
    crane: Crane, pool: Pool, adapter: Hanging, memory: MemorySwarm
) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable):
        crane.engine.swarm()

    adapter.halted = False
    memory.cluster.locked = True
    pool.link("node1").due = crane.cache.clock()

    with pytest.raises(EngineUnavailable) as told:
        crane.engine.swarm()
    assert told.value.code == "swarm-locked"
    assert "node1 was started anew and waits for the Swarm's key" in pool.link("node1").error


def test_what_is_known_is_old_as_soon_as_a_look_is_kept_waiting(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable):
        crane.watcher.look()

    assert crane.cache.snapshot().source.state == "stale"
    adapter.halted = False
    adapter.go_on.set()
    pool.link("node1").due = crane.cache.clock()
    for look in pool.look():
        look.result(PATIENT_SECONDS)
    assert crane.watcher.step() > 0
    assert crane.cache.snapshot().source.state == "fresh"


def test_a_change_is_not_sent_to_a_manager_that_is_known_to_hang(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    with pytest.raises(EngineUnavailable) as found_out:
        crane.engine.swarm()
    asked = len(adapter.asked)

    with pytest.raises(EngineUnavailable) as refused:
        crane.engine.create("config", {"Name": "motd", "Data": "aGk="})

    assert len(adapter.asked) == asked
    assert (refused.value.code, refused.value.detail) == ("engine-unavailable", found_out.value.detail)


def test_a_change_is_not_sent_before_the_manager_is_known_to_answer(
    crane: Crane, pool: Pool, adapter: Hanging, memory: MemorySwarm
) -> None:
    pool._clock = lambda: crane.cache.clock() + HEARD_SECONDS + 1
    adapter.halted = True

    with pytest.raises(EngineUnavailable) as refused:
        crane.engine.create("config", {"Name": "motd", "Data": "aGk="})

    assert refused.value.code == "engine-unavailable"
    assert memory.writes == []


def test_of_a_change_that_was_sent_to_a_manager_that_hangs_the_outcome_is_unknown(
    crane: Crane, pool: Pool, adapter: Hanging, memory: MemorySwarm
) -> None:
    hear_just_now(pool)
    adapter.halted = True

    with pytest.raises(OutcomeUnknown) as told:
        crane.engine.create("config", {"Name": "motd", "Data": "aGk="})

    assert "look at the configs once it answers again, before you repeat this" in told.value.detail
    # The thread that sends it may be later than who waits for its answer.
    until(lambda: "/v1.41/configs/create" in adapter.asked)
    assert [path for path in adapter.asked if path.endswith("/configs/create")] == ["/v1.41/configs/create"]


def test_a_change_that_takes_long_is_waited_for(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    hear_just_now(pool)
    adapter.slow = True

    assert crane.engine.create("config", {"Name": "motd", "Data": "aGk="})


def test_many_who_wait_find_out_together(crane: Crane, pool: Pool, adapter: Hanging) -> None:
    adapter.halted = True
    failed: list[str] = []

    def ask() -> None:
        try:
            crane.engine.swarm()
        except EngineUnavailable as error:
            failed.append(error.detail)

    waiting = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(PATIENT_SECONDS)

    assert len(failed) == 8
    assert adapter.asked.count("/_ping") <= 2


def test_of_a_change_whose_connection_broke_the_outcome_is_unknown(tmp_path: Path) -> None:
    """An Engine that is stopped in the middle of a change hangs up."""
    path = tmp_path / "engine"
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))
        listening.listen()
        asked: list[bytes] = []
        threading.Thread(target=_hang_up_on_changes, args=(listening, asked), daemon=True).start()

        engine = Engine(f"unix://{path}")
        with pytest.raises(OutcomeUnknown) as told:
            engine.remove("secret", "motd")
        engine.close()

    assert told.value.detail.endswith("look at the secrets once it answers again, before you repeat this.")
    assert [line.split()[0] for line in asked] == [b"GET", b"DELETE"]


def test_a_change_that_found_no_engine_was_not_made(tmp_path: Path) -> None:
    engine = Engine(f"unix://{tmp_path}/none")
    engine._version = "1.51"

    with pytest.raises(EngineUnavailable) as told:
        engine.remove("secret", "motd")

    assert told.value.code == "engine-unavailable"


def _hang_up_on_changes(listening: socket.socket, asked: list[bytes]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                while (request := connection.recv(65536)).startswith(b"GET"):
                    asked.append(request)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 2\r\n\r\nOK")
                if request:
                    asked.append(request)


def test_a_late_answer_has_the_manager_looked_at_at_once(crane: Crane, pool: Pool) -> None:
    link = pool.link("node1")
    for _ in range(5):
        link.fail("It hangs.")

    crane.engine.info(1)

    assert link.due is not None
    assert link.due <= crane.cache.clock()
    [look] = pool.look()
    look.result(PATIENT_SECONDS)
    assert crane.engine.swarm()["ID"]
