"""Fixtures of a whole server over a Swarm in memory.

A test overrides ``crane_plugins`` to say which plugins run, and ``crane_settings`` to set something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.monitoring.doctor.ports import Ports
from crane_core.orchestration.deployments import Digests
from crane_core.plugins import Plugin
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import MemoryAdapter, connect, find_memory_endpoint
from crane_core.testing.waiting import PATIENT_SECONDS


@pytest.fixture
def crane_plugins() -> Iterable[Plugin]:
    """The plugins that run besides the core's own: none, unless a test overrides this fixture."""
    return ()


@pytest.fixture
def crane_settings() -> dict[str, Any]:
    """The settings by dotted name: all defaults, unless a test overrides this fixture."""
    return {}


@pytest.fixture
def crane_app(
    swarm: MemorySwarm, crane_plugins: Iterable[Plugin], crane_settings: dict[str, Any], tmp_path: Path
) -> Iterator[Flask]:
    """A running server: it has looked at the Swarm once, and goes on looking often."""
    own = {
        "server.data_directory": str(tmp_path / "crane"),
        "watch.short_seconds": 0.02,
        "watch.long_seconds": 0.05,
        # What nobody asks for would be asked of the nodes in between.
        "monitoring.stats_seconds": 0.0,
    }
    app = application.create_app(
        {**own, **crane_settings}, environ={}, plugins=crane_plugins, transport=MemoryAdapter(swarm)
    )
    crane: Crane = app.extensions["crane"]
    pool = crane.room(Pool)
    pool.add_finder(lambda node: find_memory_endpoint(swarm, node))
    # A thread that gets no processor for seconds is no node or registry that hangs.
    pool.patience = crane.room(Digests).patience = PATIENT_SECONDS
    crane.room(Ports).connect = lambda place, timeout: connect(swarm, place)
    crane.watcher.look()
    application.start(app)
    yield app
    application.stop(app)


@pytest.fixture
def crane(crane_app: Flask) -> Crane:
    """The parts of that server."""
    found: Crane = crane_app.extensions["crane"]
    return found


@pytest.fixture
def client(crane_app: Flask) -> FlaskClient:
    """A client of that server, on the same machine; each request stands for itself."""
    return crane_app.test_client(use_cookies=False)
