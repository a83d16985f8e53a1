"""A server whose time passes only when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from crane_core import app as application
from crane_core.context import Crane
from crane_core.errors import CraneError
from crane_core.orchestration.operations.journal import Journal
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.plans.model import Plan
from crane_core.orchestration.plans.store import Plans
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter


class Desk:
    """A server without threads, over a Swarm in memory whose clock is the server's too."""

    def __init__(self, swarm: MemorySwarm, directory: Path) -> None:
        settings = {"server.data_directory": str(directory)}
        self.swarm = swarm
        self.app = application.create_app(settings, environ={}, plugins=(), transport=MemoryAdapter(swarm))
        self.crane: Crane = self.app.extensions["crane"]
        self.crane.cache.clock = lambda: swarm.now
        self.operations = self.crane.room(Operations)

    def start(self) -> Desk:
        """Read what another process left, and look at the Swarm."""
        self.operations.resume()
        self.look()
        return self

    def look(self) -> None:
        """Look at the Swarm if it answers, and follow what runs."""
        # When the Engine is away, the copy says so.
        with suppress(CraneError):
            self.crane.watcher.look()
        # As the loop of the server does.
        with self.app.app_context():
            self.operations.step()

    def deploy(self, content: str, **more: Any) -> Operation:
        """Deploy a file as the stack ``shop``."""
        body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never", **more}
        return self._started(self.app.test_client().put("/api/v1/stacks/shop", json=body))

    def plan(self, content: str) -> Plan:
        """Plan to deploy a file as the stack ``shop``."""
        body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
        answer = self.app.test_client().post("/api/v1/stacks/shop/plan", json=body)
        return self.crane.room(Plans).get(answer.json["id"])

    def remove(self) -> Operation:
        """Remove the stack ``shop``."""
        return self._started(self.app.test_client().delete("/api/v1/stacks/shop"))

    def keep(self, operation: Operation) -> None:
        """Write an operation to the journal."""
        Journal(self.crane.data_directory / "operations").write(operation)

    def _started(self, answer: Any) -> Operation:
        assert answer.status_code in (200, 202), answer.json
        return self.operations.get(answer.json["id"])

    def run(self, operation: Operation, seconds: float = 60) -> Operation:
        """Let time pass until an operation has ended, for so many seconds at the most."""
        for _ in range(int(seconds / 0.25)):
            if operation.ended:
                break
            self.swarm.advance(0.25)
            self.look()
        return operation


@pytest.fixture
def desk_at(tmp_path: Path) -> Iterator[Callable[[MemorySwarm], Desk]]:
    """Make servers that share one data directory; one after the other, as after a crash."""
    made: list[Desk] = []

    def make(swarm: MemorySwarm) -> Desk:
        made.append(Desk(swarm, tmp_path / "data").start())
        return made[-1]

    yield make
    for desk in made:
        application.stop(desk.app)


@pytest.fixture
def desk(swarm: MemorySwarm, desk_at: Callable[[MemorySwarm], Desk]) -> Desk:
    """One server."""
    return desk_at(swarm)
