"""Secrets are rotated and containers connected on real Engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server

FILE = """
networks: {default: {external: true, name: bridge}}
services:
  web:
    image: lab/busybox:1
    command: [sh, -c, "trap 'exit 0' TERM; while :; do cat /run/secrets/server.key; sleep 1; done"]
    secrets: [{source: key, target: server.key, mode: 0400}]
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      update_config: {parallelism: 1, monitor: 1s, failure_action: pause}
secrets: {key: {file: ./key}}
"""


@pytest.fixture
def server(swarm3: Lab, tmp_path: Path) -> Iterator[Server]:
    """A server that knows the way to the Engine of each node."""
    ways = ",".join(f"node{number}={swarm3.node(number).url}" for number in (2, 3))
    running = Server(swarm3.url, tmp_path, CRANE_ENGINE_NODE_ENDPOINTS=ways).start()
    yield running
    running.stop()


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    """Send a request that is to succeed."""
    status, answer = server.ask(method, f"/{path}", body)
    assert status < 300, answer
    return answer


def secrets(lab: Lab) -> set[str]:
    """Return the names of the secrets that the Swarm has."""
    return {each["Spec"]["Name"] for each in lab.ask("GET", "/secrets")}


def test_secret_is_rotated_and_rolled_back(server: Server, swarm3: Lab) -> None:
    files = [{"name": "stack.yml", "content": FILE}]
    sent = {"files": files, "attachments": {"./key": {"content": "old"}}, "resolve_image": "never"}
    deployed = ask(server, "PUT", "stacks/shop?wait=60", sent)
    assert deployed["verdict"]["outcome"] == "converged", deployed["verdict"]

    rotated = ask(server, "POST", "secrets/shop_key/rotate?wait=60", {"content": "new"})

    assert rotated["verdict"]["outcome"] == "converged", rotated["verdict"]
    assert secrets(swarm3) == {"shop_key.2"}
    spec = swarm3.ask("GET", "/services/shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]
    [reference] = spec["Secrets"]
    assert (reference["SecretName"], reference["File"]["Name"], reference["File"]["Mode"]) == (
        "shop_key.2",
        "server.key",
        0o400,
    )

    # A service that cannot live with it: the update pauses, and both versions stay.
    ask(server, "PATCH", "services/shop_web?wait=60", {
        "TaskTemplate": {"ContainerSpec": {"Args": ["sh", "-c", "grep -q new /run/secrets/server.key && sleep 1000"]}},
    })  # fmt: skip
    broken = ask(server, "POST", "secrets/shop_key.2/rotate?wait=60", {"content": "unfit"})

    assert broken["verdict"]["outcome"] in ("paused", "failed"), broken["verdict"]
    assert broken["verdict"]["cause"].endswith("The secret shop_key.2 was kept.")
    assert secrets(swarm3) == {"shop_key.2", "shop_key.3"}
    back = ask(server, "POST", "services/shop_web/rollback?wait=60")
    assert back["verdict"]["outcome"] in ("converged", "rolled-back"), back["verdict"]
    ask(server, "DELETE", "secrets/shop_key.3")
    assert secrets(swarm3) == {"shop_key.2"}


def test_container_of_a_worker_is_connected_to_a_network_of_the_swarm(server: Server, swarm3: Lab) -> None:
    made = ask(server, "POST", "networks", {"name": "front", "attachable": True})
    lonely = {"Image": "lab/busybox:1", "Cmd": ["sleep", "1000"]}
    container = swarm3.node(2).ask("POST", "/containers/create?name=lonely", lonely)["Id"]
    swarm3.node(2).ask("POST", f"/containers/{container}/start")
    try:
        ask(server, "POST", "networks/front/connect", {"container": "lonely", "aliases": ["shop"]})

        [shown] = ask(server, "GET", "networks/front/containers")["items"]
        assert (shown["name"], shown["node"], shown["service"]) == ("lonely", "node2", None)
        assert shown["addresses"]
        ask(server, "POST", f"networks/{made['id']}/disconnect", {"container": "lonely"})
        assert ask(server, "GET", "networks/front/containers")["items"] == []
        side = ask(server, "POST", "networks", {"name": "side", "driver": "bridge", "node": "node2"})
        assert side["node"] == "node2"
        ask(server, "DELETE", "networks/node2/side")
    finally:
        swarm3.node(2).ask("DELETE", f"/containers/{container}?force=true")
    ask(server, "DELETE", "networks/front")
