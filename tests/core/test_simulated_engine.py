"""The simulated Engine: a Swarm in memory of any size, on a socket, that programs can speak with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crane_core.engine.client import Engine
from crane_core.testing import MemorySwarm
from crane_core.testing.contract import service
from crane_core.testing.population import populate
from crane_core.testing.transport import serve


@pytest.fixture
def crowded() -> MemorySwarm:
    swarm = MemorySwarm(nodes=20)
    populate(swarm, services=25, tasks=110)
    return swarm


@pytest.fixture
def url(crowded: MemorySwarm, tmp_path: Path) -> Iterator[str]:
    server = serve(crowded, str(tmp_path / "engine.sock"))
    yield f"unix://{tmp_path}/engine.sock"
    server.shutdown()
    server.server_close()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = Engine(url)
    yield engine
    engine.close()


def test_population_has_the_size_that_was_asked_for(engine):
    services = engine.services()

    assert len(services) == 25
    assert len({service.stack for service in services}) == 3
    assert len(engine.tasks()) == 110
    assert all(service.tasks_running == service.tasks_desired for service in services)


def test_objects_are_as_large_as_real_ones(engine):
    services, tasks = len(engine.read("/services", status=True)) / 25, len(engine.read("/tasks")) / 110

    assert 1700 < services < 2000
    assert 1800 < tasks < 2200


def test_a_crowded_swarm_lives(crowded, engine):
    engine.create("service", service("web", replicas=3))
    crowded.settle()

    assert {task["Status"]["State"] for task in crowded.tasks("web")} == {"running"}


def test_events_arrive_over_the_socket(crowded, engine):
    stream = engine.events()
    engine.create("service", service("web", replicas=0))

    assert next(stream)["Actor"]["Attributes"] == {"name": "web"}
    crowded.go_away()
    assert list(stream) == []


def test_docker_program_works_with_it(url, tmp_path):
    stack = tmp_path / "stack.yml"
    stack.write_text('version: "3.8"\nservices:\n  web:\n    image: lab/web:v1\n')

    def docker(*arguments: str) -> str:
        environment = {**os.environ, "DOCKER_HOST": url}
        done = subprocess.run(["docker", *arguments], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "stack001" in docker("stack", "ls")
    docker("stack", "deploy", "--resolve-image", "never", "--detach=true", "-c", str(stack), "shop")
    assert "shop_web" in docker("service", "ls")
    docker("stack", "rm", "shop")
    assert "shop_web" not in docker("service", "ls")


def test_requests_are_written_down(crowded, tmp_path):
    with (tmp_path / "log").open("w", buffering=1) as log:
        server = serve(crowded, str(tmp_path / "logged.sock"), log)
        engine = Engine(f"unix://{tmp_path}/logged.sock")
        engine.nodes()
        engine.close()
        server.shutdown()
        server.server_close()

    assert (tmp_path / "log").read_text().splitlines() == ["GET /_ping", "GET /v1.41/nodes"]
