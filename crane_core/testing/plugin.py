"""The pytest plugin: fixtures for the tests of the core, of its plugins, and of anybody else's."""

from __future__ import annotations

import pytest

from crane_core.testing.fixtures import client, crane, crane_app, crane_plugins, crane_settings
from crane_core.testing.swarm import MemorySwarm

# The contract is borrowed by test modules; its asserts are to be explained like those of any test.
pytest.register_assert_rewrite("crane_core.testing.contract")

__all__ = ["client", "crane", "crane_app", "crane_plugins", "crane_settings", "swarm"]


@pytest.fixture
def swarm() -> MemorySwarm:
    """A Swarm of three nodes in memory: ``node1``, the manager, ``node2`` and ``node3``."""
    return MemorySwarm(nodes=3)
