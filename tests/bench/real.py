"""Deploying on real Engines, next to the docker CLI."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.processes import CraneServer, crane_server
from tests.lab.lab import Lab

STACK = """\
version: "3.8"
services:
  web:
    image: lab/web:v1
    deploy:
      replicas: 6
      endpoint_mode: dnsrr
"""
RUNS = 3


def measure(directory: Path) -> Iterator[Figure]:
    """Deploy the same stack by turns with the docker CLI and with the server."""
    (directory / "stack.yml").write_text(STACK)
    ours, theirs = [], []
    with Lab(nodes=3) as lab, crane_server(directory, lab.url) as server:
        server.wait_until_fresh()
        for run in range(RUNS):
            theirs.append(_docker(lab, directory, f"docker{run}"))
            lab.clear()
            ours.append(_crane(server, f"crane{run}"))
            lab.clear()
    seen, compared = statistics.median(ours), statistics.median(theirs)
    note = f"{seen:.1f} s against {compared:.1f} s, medians of {RUNS}"
    yield Figure(
        "Deploying 6 replicas until converged, above `docker stack deploy --detach=false`",
        seen - compared,
        1,
        "s",
        note=note,
    )


def _docker(lab: Lab, directory: Path, stack: str) -> float:
    command = ["docker", "stack", "deploy", "--resolve-image", "never", "--detach=false", "-c", "stack.yml", stack]
    environment = {**os.environ, "DOCKER_HOST": lab.url}
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=directory, env=environment, stdout=subprocess.DEVNULL, timeout=120)
    return time.perf_counter() - started


def _crane(server: CraneServer, stack: str) -> float:
    body = {"files": [{"name": "stack.yml", "content": STACK}], "variables": {}, "resolve_image": "never"}
    with server.client() as client:
        started = time.perf_counter()
        answer = client.ask("PUT", f"/api/v1/stacks/{stack}?wait=60", body)
        taken = time.perf_counter() - started
    verdict = answer.json().get("verdict") or {}
    if verdict.get("outcome") != "converged":
        raise RuntimeError(f"The deployment did not converge: {answer.body[:500]!r}")
    return taken
