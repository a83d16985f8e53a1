"""Reading and planning on a simulated Engine of 1,000 nodes, 1,000 services and 10,000 tasks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.bench.client import median, percentile
from tests.bench.figures import Figure
from tests.bench.processes import CraneServer, SimulatedEngine, crane_server, simulated_engine
from tests.bench.readers import read_together

NODES, SERVICES, TASKS = 1_000, 1_000, 10_000
READERS = 8


def measure(directory: Path) -> Iterator[Figure]:
    """Measure everything that needs a large Swarm."""
    with simulated_engine(directory, NODES, SERVICES, TASKS) as engine:
        with crane_server(directory, engine.url) as server:
            yield Figure("Start of the server to its first answer", server.first_answer, 2, "s")
            server.wait_until_fresh()
            yield _compare(server, engine, "/api/v1/stacks", "stack")
            yield _compare(server, engine, "/api/v1/services?limit=100", "service")
            yield _readers(server)
            yield _not_modified(server)
            yield _plan(server)
            yield Figure("Memory of the server after all of this", server.unique_memory(), 250, "MB")
        yield _stall(directory, engine)
        yield from _idle(directory, engine)


def _compare(server: CraneServer, engine: SimulatedEngine, path: str, kind: str) -> Figure:
    """Compare a list with the docker CLI's; they take turns, so that both see the same machine."""
    command = ["docker", "-H", engine.url, kind, "ls"]
    ours, theirs = [], []
    with server.client() as client:
        client.get(path)
        for _ in range(11):
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            theirs.append(time.perf_counter() - started)
            ours += [client.get(path).seconds for _ in range(5)]
    ratio = median(theirs) / median(ours)
    note = f"{median(ours):.1f} ms against {median(theirs):.0f} ms"
    return Figure(
        f"`GET {path}`: times faster than `docker {kind} ls`", ratio, 25, "times", more_is_better=True, note=note
    )


def _readers(server: CraneServer, seconds: float = 10.0) -> Figure:
    """Read lists on several connections at once, each as fast as it can."""
    paths = ("/api/v1/stacks", "/api/v1/services?limit=100")
    taken = read_together(server.port, READERS, paths, seconds, server.headers)
    note = f"{len(taken) / seconds:.0f} answers a second, median {median(taken):.1f} ms"
    what = f"Those lists with {READERS} readers at once, 99 of 100 answers within"
    return Figure(what, percentile(taken, 99), 50, "ms", note=note)


def _not_modified(server: CraneServer) -> Figure:
    taken = []
    with server.client() as client:
        tag = client.get("/api/v1/services?limit=100").headers["ETag"]
        for _ in range(300):
            answer = client.get("/api/v1/services?limit=100", {"If-None-Match": tag})
            if answer.status == 304:
                taken.append(answer.seconds)
    if len(taken) < 200:
        raise RuntimeError(f"Only {len(taken)} of 300 answers were 304, although nothing changed.")
    return Figure(
        "An unchanged list (304), median",
        median(taken),
        3,
        "ms",
        note=f"99 of 100 within {percentile(taken, 99):.1f} ms",
    )


def _plan(server: CraneServer) -> Figure:
    services = {
        f"app{number}": {
            "image": f"registry.example.com/team/app{number}:1.0",
            "environment": {"LEVEL": "info", "NUMBER": str(number)},
            "networks": ["front"],
            "deploy": {"replicas": 2, "update_config": {"parallelism": 1, "delay": "5s"}},
        }
        for number in range(100)
    }
    content = yaml.safe_dump({"version": "3.8", "services": services, "networks": {"front": {}}})
    body = {"files": [{"name": "stack.yml", "content": content}], "variables": {}, "resolve_image": "never"}
    taken = []
    with server.client() as client:
        for _ in range(9):
            answer = client.ask("POST", "/api/v1/stacks/bench/plan", body)
            if answer.status != 201 or answer.json()["summary"]["create"] < 100:
                raise RuntimeError(f"The plan failed: {answer.body[:500]!r}")
            taken.append(answer.seconds)
    return Figure(
        "Planning a stack of 100 services, median", median(taken), 150, "ms", note=f"at most {max(taken) * 1000:.0f} ms"
    )


def _stall(directory: Path, engine: SimulatedEngine, seconds: float = 20.0) -> Figure:
    """Ask for something small all the time while everything is read again every few seconds."""
    taken: list[float] = []
    with crane_server(directory, engine.url, CRANE_WATCH_FULL_SECONDS="3") as server, server.client() as client:
        server.wait_until_fresh()
        before, deadline = engine.full_reads(), time.monotonic() + seconds
        while time.monotonic() < deadline:
            taken.append(client.get("/api/v1/whoami").seconds)
            time.sleep(0.002)
        reads = engine.full_reads() - before
    if not reads:
        raise RuntimeError("Nothing was read again in the meantime.")
    note = f"{reads} re-reads, {len(taken)} requests, 99 of 100 within {percentile(taken, 99):.1f} ms"
    return Figure("Longest wait for an answer while everything is read again", max(taken) * 1000, 100, "ms", note=note)


def _idle(directory: Path, engine: SimulatedEngine, seconds: float = 60.0) -> Iterator[Figure]:
    with crane_server(directory, engine.url) as server:
        server.wait_until_fresh()
        # Whoever asked counts as watching for half a minute.
        time.sleep(35)
        cpu, reads, started = server.cpu_seconds(), engine.full_reads(), time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - started
        yield Figure(
            "Processor use of an idle server, of one core", 100 * (server.cpu_seconds() - cpu) / passed, 2, "%"
        )
        yield Figure("Full reads by an idle server", 60 * (engine.full_reads() - reads) / passed, 1, "a minute")
