"""Stats of 300 containers on three nodes, and a thousand live connections to lists that change all the time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.client import percentile
from tests.bench.figures import Figure
from tests.bench.panel import CHANGES_A_SECOND, changing
from tests.bench.panel_tabs import Tabs, open_tabs
from tests.bench.processes import CraneServer, SimulatedEngine, crane_server, simulated_engine

# The first node is the manager, on which none of the containers are.
NODES, SERVICES, CONTAINERS = 4, 50, 300
SOCKETS = 1000
MOST_LIVE_SERVICES, MOST_LIVE_TASKS, MOST_LIVE_NODES = 100, 300, 3
_MEASURED = re.compile(r"^GET /v[\d.]+/containers/[0-9a-f]+/stats", re.MULTILINE)


def measure(directory: Path) -> Iterator[Figure]:
    """Measure everything that has to do with watching."""
    with simulated_engine(directory, NODES, SERVICES, CONTAINERS) as engine:
        nodes = ",".join(f"node{number}={engine.url}.node{number}" for number in range(2, NODES + 1))
        with crane_server(directory, engine.url, CRANE_ENGINE_NODE_ENDPOINTS=nodes) as server:
            server.wait_until_fresh()
            yield from _stats(server, engine)
    with (
        simulated_engine(directory, MOST_LIVE_NODES, MOST_LIVE_SERVICES, MOST_LIVE_TASKS) as engine,
        # Nine tenths of the threads may be live connections.
        crane_server(directory, engine.url, CRANE_SERVER_THREADS=str(SOCKETS * 5 // 4)) as server,
    ):
        server.wait_until_fresh()
        yield from _sockets(server, engine)


def _stats(server: CraneServer, engine: SimulatedEngine, seconds: float = 30.0) -> Iterator[Figure]:
    _wait_until_all_are_measured(server)
    what = f"Processor use while {CONTAINERS} containers on {NODES - 1} nodes are measured"
    # Whoever asked counts as watching for a few seconds.
    time.sleep(8)
    used, each = _use(server, engine, seconds)
    yield Figure(f"{what}, nobody watching, of one core", used, 15, "%", note=f"each every {each:.1f} s")
    with open_tabs(server.port, 1, "stats/tasks", server.headers) as tabs:
        _wait_until_told(tabs)
        used, each = _use(server, engine, seconds)
    yield Figure(f"{what}, somebody watching all, of one core", used, 60, "%", note=f"each every {each:.1f} s")
    with server.client() as client:
        text = client.get("/metrics").body.decode()
        taken = []
        for _ in range(100):
            taken.append(client.get("/api/v1/stats/tasks?sort=-cpu&limit=100").seconds)
            taken.append(client.get("/api/v1/dashboard").seconds)
    size = float(re.findall(r"^crane_monitoring_stats_size_bytes (\S+)", text, re.MULTILINE)[0])
    yield Figure(
        f"Memory that 24 hours of stats of {CONTAINERS} containers and {SERVICES} services take", size / 1e6, 13, "MB"
    )
    yield Figure("Their list and the dashboard, 99 of 100 answers within", percentile(taken, 99), 100, "ms")


def _wait_until_all_are_measured(server: CraneServer) -> None:
    deadline = time.monotonic() + 60
    with server.client() as client:
        while time.monotonic() < deadline:
            items = client.get("/api/v1/stats/tasks?limit=1000").json()["items"]
            if len(items) == CONTAINERS and all(item["cpu"] is not None for item in items):
                return
            time.sleep(0.2)
    raise RuntimeError("Not every container was measured within a minute.")


def _use(server: CraneServer, engine: SimulatedEngine, seconds: float) -> tuple[float, float]:
    """Return how much of a core the server uses, and how far the samples of a container are apart."""
    cpu, counted, started = server.cpu_seconds(), _count(engine), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - started
    samples = _count(engine) - counted
    if not samples:
        raise RuntimeError("Nothing was measured.")
    return 100 * (server.cpu_seconds() - cpu) / passed, passed * CONTAINERS / samples


def _count(engine: SimulatedEngine) -> int:
    return len(_MEASURED.findall(engine.log.read_text()))


def _sockets(server: CraneServer, engine: SimulatedEngine, seconds: float = 30.0) -> Iterator[Figure]:
    with open_tabs(server.port, SOCKETS, "services", server.headers) as tabs, changing(engine) as made:
        _wait_until_told(tabs)
        time.sleep(3)
        cpu, told, changed, started = server.cpu_seconds(), sum(tabs.messages), made[0], time.monotonic()
        taken = []
        with server.client() as client:
            while time.monotonic() - started < seconds:
                taken.append(client.get("/api/v1/services?limit=50").seconds)
                time.sleep(0.05)
        passed = time.monotonic() - started
        used = 100 * (server.cpu_seconds() - cpu) / passed
        messages = (sum(tabs.messages) - told) / passed / SOCKETS
        note = f"{(made[0] - changed) / passed:.1f} changes and {messages:.1f} messages a second to each"
    what = f"{SOCKETS} live connections to a list that changes {CHANGES_A_SECOND} times a second"
    yield Figure(f"Processor use with {what}, of one core", used, 60, "%", note=note)
    yield Figure("A list meanwhile, 99 of 100 answers within", percentile(taken, 99), 100, "ms")


def _wait_until_told(tabs: Tabs) -> None:
    deadline = time.monotonic() + 60
    while not tabs.all_know():
        if tabs.failed or time.monotonic() > deadline:
            raise RuntimeError(f"Not everybody was told: {tabs.failed}")
        time.sleep(0.1)
