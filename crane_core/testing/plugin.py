"""The pytest plugin: fixtures for the tests of the core, of its plugins, and of anybody else's."""

from __future__ import annotations

import pytest

from crane_core.testing import fixtures
from crane_core.testing.swarm import MemorySwarm


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures of a whole server after those of every installed plugin."""
    # pytest-flask has a fixture called client as well, and the one that is registered last counts.
    config.pluginmanager.register(fixtures, "crane-fixtures")


@pytest.fixture
def swarm() -> MemorySwarm:
    """A Swarm of three nodes in memory: ``node1``, the manager, ``node2`` and ``node3``."""
    return MemorySwarm(nodes=3)
