"""Fixtures of tests that run a server against the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server for one test, on three nodes."""
    running = Server(swarm3.url, tmp_path).start()
    yield running
    running.stop()
