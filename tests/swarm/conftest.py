"""Fixtures of tests that run a server against the lab."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.agent import AgentKeys
from crane_core.engine.transport import TlsFiles
from tests.lab import images
from tests.lab.lab import Lab
from tests.swarm.server import Server


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server for one test, on three nodes."""
    running = Server(swarm3.url, tmp_path).start()
    yield running
    running.stop()


@dataclass
class Reached:
    """A server in this process that reaches each node of the lab through its agent.

    :param directory: Where the keys to the agents are.
    """

    lab: Lab
    crane: Crane
    client: FlaskClient
    directory: Path

    @property
    def engines(self) -> dict[str, dict[str, Any]]:
        """How each node is reached, by its name."""
        return {row["node"]: row for row in self.client.get("/api/v1/engines").json["items"]}

    def all_answer(self) -> bool:
        """Tell whether the Engine of each node answers."""
        return all(row["state"] == "fresh" for row in self.engines.values())

    def tls(self) -> TlsFiles:
        """Return what the server shows to agents now."""
        keys = self.crane.room(AgentKeys)
        papers = keys.read(anew=True)
        assert papers is not None
        return keys.tls(papers)


@pytest.fixture(scope="module")
def reached(lab3: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    """Three nodes with agents, and a server that has just found out that each answers."""
    lab3.load(images.haproxy())
    directory = tmp_path_factory.mktemp("reached")
    settings = {
        "engine.url": lab3.url,
        "server.data_directory": str(directory),
        "agent.image": images.HAPROXY,
        "agent.socket": "/run/docker.sock",
    }
    app = application.create_app(settings, environ={}, plugins=())
    application.start(app)
    try:
        found = Reached(lab3, app.extensions["crane"], app.test_client(use_cookies=False), directory / "agent")
        lab3.wait_until(lambda: found.client.get("/api/v1/nodes").json["total"] == 3, "the server has read the Swarm")
        installed = found.client.post("/api/v1/agent?wait=60").json
        assert installed["state"] == "settled", installed
        lab3.wait_until(found.all_answer, "each node is reached")
        yield found
    finally:
        application.stop(app)
        lab3.clear()
