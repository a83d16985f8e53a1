"""Stats, events and the doctor on real Engines, with a node that loses its power."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server

BUSY = """\
networks: {default: {driver: overlay}}
services:
  web: {image: 'lab/web:v1', deploy: {mode: global, endpoint_mode: dnsrr}}
  busy:
    image: lab/busybox:1
    command: [sh, -c, 'while true; do :; done']
    deploy: {resources: {limits: {cpus: '0.3', memory: 32M}}}
"""


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server that reaches the Engine of each node."""
    endpoints = ",".join(f"node{number}={url}" for number, url in enumerate(swarm3.urls, 1))
    running = Server(swarm3.url, tmp_path, CRANE_ENGINE_NODE_ENDPOINTS=endpoints).start()
    yield running
    running.stop()


def items(server: Server, path: str) -> dict[str, Any]:
    """Return the items of a list by their names."""
    status, answer = server.ask("GET", path)
    assert status == 200, answer
    return {item["name"]: item for item in answer["items"]}


@contextlib.contextmanager
def following(server: Server) -> Iterator[list[dict[str, Any]]]:
    """Follow the events while a block runs; what came is in the list."""
    connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=120)
    connection.request("GET", "/api/v1/events", headers={**server.headers, "Accept": "application/x-ndjson"})
    response = connection.getresponse()
    came: list[dict[str, Any]] = []

    def read() -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := response.readline():
                if line.strip():
                    came.append(json.loads(line))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield came
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(2)
        thread.join(10)
        connection.close()


def test_what_is_used_what_happens_and_what_is_wrong(server: Server, swarm3: Lab) -> None:
    with following(server) as came:
        assert server.deploy("shop", BUSY)["verdict"]["outcome"] == "converged"

        def busy() -> Any:
            found = items(server, "/stats/services").get("shop_busy", {})
            return found if (found.get("cpu") or 0) > 0.15 else None

        told = server.until(busy, "the busy service is seen to be busy")
        assert 0.15 < told["cpu"] < 0.4
        assert 50 < told["cpu_percent"] < 130
        assert (told["cpu_limit"], told["memory_limit"], told["missing"]) == (0.3, 32 * 2**20, 0)
        assert 0 < told["memory"] < 32 * 2**20

        def all_measured() -> Any:
            nodes = items(server, "/stats/nodes")
            return nodes if all(node["cpu"] is not None and not node["missing"] for node in nodes.values()) else None

        nodes = server.until(all_measured, "each node is measured")
        assert sum(node["containers"] for node in nodes.values()) == 4
        _, past = server.ask("GET", "/stats/services/shop_busy")
        cpu = next(figure for figure in past["figures"] if figure["name"] == "cpu")
        assert cpu["series"][0]["most"] > 0.15

        def happened() -> Any:
            kinds = {(event["source"], event["kind"], event["node"]) for event in came}
            wanted = {("node", "container.start", f"node{number}") for number in (1, 2, 3)}
            wanted |= {("crane", "operation.ended", None), ("swarm", "service.create", None)}
            return wanted <= kinds and any(event["kind"] == "task.running" for event in came)

        server.until(happened, "everybody has told what happened")
        assert [event["number"] for event in came] == sorted(event["number"] for event in came)

        _, report = server.ask("GET", "/doctor?fresh=true")
        checks = {check["name"]: check for check in report["checks"]}
        assert checks["nodes"]["state"] == "ok", checks["nodes"]
        assert checks["ports"]["state"] in ("ok", "unknown"), checks["ports"]
        assert {finding["code"] for finding in checks["clocks"]["findings"]} == set(), checks["clocks"]
        assert {finding["code"] for finding in checks["certificates"]["findings"]} == {"node-certificates-unseen"}
        assert [finding["code"] for finding in checks["managers"]["findings"]] == ["only-manager", "not-locked"]

        swarm3.kill_node(3)

        def lost() -> Any:
            _, answer = server.ask("GET", "/stats/nodes")
            sources = {source["name"]: source["state"] for source in answer["sources"]}
            return sources["node3"] != "fresh" and any(
                event["kind"] == "events.lost" and event["node"] == "node3" for event in came
            )

        server.until(lost, "it is told that node3 is not heard any more")
        found = server.until(
            lambda: [
                check
                for check in server.ask("GET", "/doctor?fresh=true")[1]["checks"]
                if check["name"] == "nodes" and check["state"] == "error"
            ],
            "the doctor finds the node that is gone",
        )
        assert found[0]["findings"][0]["where"] == "node3"
        _, shown = server.ask("GET", "/dashboard")
        assert shown["nodes"]["not_ready"] == ["node3"]
