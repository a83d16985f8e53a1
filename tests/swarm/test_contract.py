"""Real Engines keep the contract that the Swarm in memory is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from crane_core.engine.client import Engine
from crane_core.engine.execs import Program, execute
from crane_core.errors import CraneError
from crane_core.testing import contract
from tests.lab.api import Refused
from tests.lab.lab import Lab


class RealSwarm:
    """The lab, for the contract."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.engine = Engine(lab.url)
        self.engines = [self.engine]

    def engine_of(self, node: str) -> Engine:
        """Return a node's own Engine."""
        self.engines.append(Engine(self._lab.node(int(node.removeprefix("node"))).url))
        return self.engines[-1]

    def until(self, fact: Callable[[], bool], words: str) -> None:
        """Wait until something is so."""

        def attempt() -> bool:
            try:
                return fact()
            except CraneError as error:
                # What is asked for may be on its way out; the lab asks again after its own kind of error.
                raise Refused(500, str(error)) from error

        self._lab.wait_until(attempt, words, timeout=60)

    def print(self, engine: Engine, container: str, content: bytes, stream: str = "stdout") -> None:
        """Have a container print something: its first program prints whatever is written to its end of a stream."""
        place = f"/proc/1/fd/{('stdout', 'stderr').index(stream) + 1}"
        run = execute(engine, container, Program(("sh", "-c", f"cat >{place}"), tty=False))
        run.send(content)
        run.end_input()
        while run.read(10):
            continue
        assert run.exit_code() == 0

    def lose_node(self, name: str) -> None:
        """Cut a node's power."""
        self._lab.kill_node(int(name.removeprefix("node")))


@pytest.fixture
def contract_swarm(swarm3: Lab) -> Iterator[RealSwarm]:
    real = RealSwarm(swarm3)
    yield real
    for engine in real.engines:
        engine.close()


class TestNodeEngines(contract.NodeEnginesContract):
    pass


class TestCluster(contract.ClusterContract):
    pass


class TestUsage(contract.UsageContract):
    pass


class TestObjects(contract.ObjectsContract):
    pass


class TestExecs(contract.ExecsContract):
    pass


class TestLogs(contract.LogsContract):
    pass


class TestServices(contract.ServicesContract):
    pass


class TestTasks(contract.TasksContract):
    pass


class TestUpdates(contract.UpdatesContract):
    pass
