"""What the containers of one node printed, as its Engine sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crane_core.testing.answers import Response
from crane_core.testing.node_engine.containers import Containers
from crane_core.testing.printed import Source

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm


class Logs:
    """Answer requests for the output of containers."""

    def __init__(self, swarm: MemorySwarm, containers: Containers) -> None:
        self._swarm = swarm
        self._containers = containers
        self.routes = {"GET /containers/*/logs": self._logs}

    def _logs(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        container = self._containers.get(names[0])
        terminal, runs = bool(container["Config"].get("Tty")), bool(container["State"]["Running"])
        self._swarm.printed.know(container["Id"], terminal=terminal, ended=not runs)
        return self._swarm.printed.answer([Source(container["Id"])], params, self._swarm.stream)
