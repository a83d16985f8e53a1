"""A server whose agents stand in memory: whoever dials a node through its agent reaches that node's Engine there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crane_core.cluster.agent.operations import Agents
from crane_core.context import Crane
from crane_core.engine.agent import AgentKeys
from crane_core.engine.link import Endpoint
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import find_memory_endpoint


class Calendar:
    """The date, which a test turns forward; it begins today, by which the server's own loop goes."""

    def __init__(self) -> None:
        self.today = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.today

    def advance(self, **amount: float) -> None:
        """Let days or hours pass."""
        self.today += timedelta(**amount)


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def keys(crane: Crane) -> AgentKeys:
    return crane.room(AgentKeys)


@pytest.fixture
def agents(crane: Crane, swarm: MemorySwarm, keys: AgentKeys, calendar: Calendar) -> Agents:
    """What makes and changes the agent; only the test itself has it do the next step."""

    def find(node: Node) -> Endpoint | None:
        through = keys.find(node)
        return through and replace(through, transport=find_memory_endpoint(swarm, node).transport)

    crane.room(Pool).add_finder(find, first=True)
    # The loop of the server finds nothing to do.
    crane.room(Agents).step = lambda: False  # type: ignore[method-assign]
    return Agents(crane, calendar)


@pytest.fixture
def finish(agents: Agents, swarm: MemorySwarm, crane: Crane) -> Callable[[], None]:
    """Do all steps, and let the Swarm come to rest after each."""

    def act() -> None:
        for _ in range(10):
            swarm.settle()
            if not agents.step():
                crane.watcher.look(full=True)
                return
        raise AssertionError("It never comes to rest.")

    return act
