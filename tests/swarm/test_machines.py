"""What lies and runs on real nodes: containers, images and volumes, a node that is gone among them."""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.lab.api import Refused
from tests.lab.lab import Lab
from tests.swarm.server import Server

PULLED = "127.0.0.1:5000/lab/pulled:1"
DATABASE = """
services:
  db:
    image: lab/busybox:1
    command: [sleep, "10000"]
    volumes: ["data:/data"]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname==node2]}}
volumes: {data: {}}
"""


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server that reaches each node's own Engine."""
    ways = ",".join(f"node{number}={swarm3.node(number).url}" for number in (2, 3))
    running = Server(swarm3.url, tmp_path, CRANE_ENGINE_NODE_ENDPOINTS=ways).start()
    yield running
    running.stop()
    for number in (2, 3):
        for path in ("/containers/by-hand?force=1", "/volumes/spare", "/volumes/shop_data"):
            # Most tests leave nothing there.
            with contextlib.suppress(Refused, OSError):
                swarm3.node(number).ask("DELETE", path)


def get(server: Server, path: str) -> Any:
    """Return what is read, and be sure that it took no longer than a node that hangs is waited for."""
    begun = time.monotonic()
    status, answer = server.ask("GET", path)
    assert status == 200, answer
    assert time.monotonic() - begun < 5
    return answer


def make_by_hand(lab: Lab, number: int, **config: Any) -> None:
    """Start a container that no service makes."""
    body = {"Image": "lab/busybox:1", "Cmd": ["sleep", "10000"], **config}
    made = lab.node(number).ask("POST", "/containers/create?name=by-hand", body)
    lab.node(number).ask("POST", f"/containers/{made['Id']}/start")


def prune(server: Server, kind: str, query: str = "") -> tuple[Any, Any]:
    """Look at what would go, and carry it out."""
    preview = server.ask("GET", f"/{kind}/prune{query}")[1]
    status, done = server.ask("POST", f"/{kind}/prune", {"token": preview["token"]})
    assert status == 200, done
    return preview, done


def test_containers_are_acted_on_wherever_they_are(swarm3: Lab, server: Server) -> None:
    server.deploy("shop", DATABASE)
    make_by_hand(swarm3, 3)

    listed = get(server, "/containers?sort=node")["items"]
    assert [(each["node"], each["service"], each["state"]) for each in listed] == [
        ("node2", "shop_db", "running"),
        ("node3", None, "running"),
    ]
    for action, state in (("pause", "paused"), ("unpause", "running"), ("kill", "exited"), ("start", "running")):
        status, answer = server.ask("POST", f"/containers/by-hand/{action}", {} if action == "kill" else None)
        assert status == 200, answer
        server.until(lambda wanted=state: get(server, "/containers/by-hand")["state"] == wanted, f"it is {state}")
    assert "sleep 10000" in get(server, "/containers/by-hand/top")["processes"][0][-1]

    before = listed[0]["id"]
    status, stopped = server.ask("POST", f"/containers/{before}/stop", {"timeout": 1})
    assert status == 200, stopped
    assert "The Swarm starts another one in its place." in stopped["warning"]

    def replaced() -> bool:
        running = get(server, "/containers?service=shop_db&state=running")["items"]
        return [each["node"] for each in running] == ["node2"] and running[0]["id"] != before

    server.until(replaced, "the Swarm has started another one")


def test_node_that_is_gone_costs_a_line_and_no_waiting(swarm3: Lab, server: Server) -> None:
    server.deploy("shop", DATABASE)
    assert get(server, "/containers")["items"][0]["told_by"] == "engine"
    swarm3.kill_node(2)

    def told() -> bool:
        listed = get(server, "/containers")
        lost = [source for source in listed["sources"] if source["state"] != "fresh"]
        return [source["name"] for source in lost] == ["node2"] and bool(lost[0]["error"])

    server.until(told, "the node is named")
    [container] = get(server, "/containers?node=node2")["items"]
    assert (container["service"], container["fresh"]) == ("shop_db", False)
    preview, done = prune(server, "volumes", "?all=true&node=node2,node3")
    assert [(node["node"], node["state"]) for node in preview["nodes"]] == [("node2", "missing"), ("node3", "ready")]
    assert done["count"] == 0

    swarm3.start_node(2)
    server.until(lambda: not [s for s in get(server, "/containers")["sources"] if s["state"] != "fresh"], "it is back")


def test_what_a_service_without_tasks_needs_survives_a_prune(swarm3: Lab, server: Server) -> None:
    server.deploy("shop", DATABASE)
    server.change("POST", "/services/shop_db/scale", {"replicas": 0})
    swarm3.node(2).ask("POST", "/volumes/create", {"Name": "spare"})
    # The Swarm removes the containers of a service that is scaled to nothing after a while.
    server.until(lambda: not get(server, "/containers?node=node2")["items"], "the container is gone")

    preview, done = prune(server, "volumes", "?all=true&node=node2")

    assert [each["name"] for each in preview["nodes"][0]["items"]] == ["spare"]
    assert [each["outcome"] for each in done["nodes"][0]["items"]] == ["removed"]
    assert "shop_data" in [each["name"] for each in get(server, "/volumes?node=node2")["items"]]
    images = server.ask("GET", "/images/prune?all=true&node=node2")[1]["nodes"][0]
    named = [each["name"] for each in images["items"]]
    assert "lab/busybox:1" not in named
    assert "lab/web:v2" in named
    assert images["kept"] >= 1


def pull(server: Server, image: str) -> dict[str | None, Any]:
    """Pull on all nodes; return the verdict of each, and that of all."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    try:
        headers = {**server.headers, "Content-Type": "application/json", "Accept": "application/x-ndjson"}
        connection.request("POST", "/api/v1/images/pull", json.dumps({"image": image}), headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        lines = [json.loads(line) for line in answer.read().splitlines() if line.strip()]
    finally:
        connection.close()
    return {line["node"]: line for line in lines if line["state"] != "pulling"}


def test_image_is_pulled_on_all_nodes_and_removed_again(swarm3: Lab, server: Server) -> None:
    registries = [
        swarm3.node(number).run_beside(sys.executable, "-m", "tests.lab.registry", "5000") for number in (1, 2)
    ]
    try:
        for registry in registries:
            assert registry.stdout is not None
            assert registry.stdout.readline() == "ready\n"

        verdicts = pull(server, PULLED)
        again = pull(server, PULLED)
        missing = pull(server, PULLED.replace("pulled", "none"))
    finally:
        for registry in registries:
            registry.terminate()
            registry.wait(10)
            registry.stdout.close()

    # The third node has no registry of its own, and says so.
    assert {node: each["state"] for node, each in verdicts.items()} == {
        "node1": "pulled",
        "node2": "pulled",
        "node3": "failed",
        None: "failed",
    }
    assert "127.0.0.1:5000" in verdicts["node3"]["detail"]
    assert verdicts["node1"]["digest"].startswith("sha256:")
    assert verdicts["node1"]["digest"] == verdicts["node2"]["digest"]
    assert [again[node]["state"] for node in ("node1", "node2")] == ["current", "current"]
    assert missing["node1"]["state"] == "failed"
    assert "not found" in missing["node1"]["detail"] or "manifest unknown" in missing["node1"]["detail"]

    assert get(server, f"/images/{PULLED}/history")["items"][0]["CreatedBy"] == "ADD text"
    status, removed = server.ask("DELETE", f"/images/{PULLED}")
    assert status == 200, removed
    assert [(each["node"], each["outcome"]) for each in removed["nodes"]] == [
        ("node1", "removed"),
        ("node2", "removed"),
    ]
