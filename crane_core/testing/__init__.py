"""What tests stand on: an in-memory Swarm, its contract, and pytest fixtures.

Used by the tests of the core and of its plugins, and open to anybody who writes a plugin. :class:`MemorySwarm` answers
the Engine's own REST API, so that everything up to the wire runs for real; ``contract.py`` holds the facts that it
shares with a real Swarm.
"""

from __future__ import annotations

from crane_core.testing.behaviours import Exits, Missing, Runs, Unhealthy
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter

__all__ = ["Exits", "MemoryAdapter", "MemorySwarm", "Missing", "Runs", "Unhealthy"]
