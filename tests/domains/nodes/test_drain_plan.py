"""What a drain would do is told beforehand, and nothing is changed by asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.testing.swarm import MemorySwarm

PLAN = "/api/v1/nodes/node2/drain-plan"
ON_NODE2 = "placement: {constraints: [node.hostname == node2]}"


@pytest.fixture
def ask(client: FlaskClient) -> Callable[..., dict[str, Any]]:
    """Ask for the plan of node2."""

    def act(query: str = "") -> dict[str, Any]:
        answer = client.get(PLAN + query)
        assert answer.status_code == 200, answer.json
        told: dict[str, Any] = answer.json
        return told

    return act


def test_each_task_has_its_outcome(ask: Callable[..., Any], deploy: Callable[..., Any], swarm: MemorySwarm) -> None:
    deploy(
        f"""
services:
  web: {{image: 'nginx:1', deploy: {{replicas: 3}}}}
  pinned: {{image: 'nginx:1', deploy: {{{ON_NODE2}}}}}
  never: {{image: 'nginx:1', deploy: {{{ON_NODE2}, restart_policy: {{condition: none}}}}}}
  agent: {{image: 'nginx:1', deploy: {{mode: global}}}}
  job: {{image: 'nginx:1', deploy: {{mode: replicated-job, {ON_NODE2}}}}}
"""
    )
    writes = list(swarm.writes)

    plan = ask()

    outcomes = {task["service"]: task["outcome"] for task in plan["tasks"]}
    assert outcomes == {
        "shop_agent": "stops",
        "shop_job": "stays",
        "shop_never": "ends",
        "shop_pinned": "pending",
        "shop_web": "moves",
    }
    assert plan["counts"] == {"moves": 1, "pending": 1, "stops": 1, "ends": 1, "stays": 1}
    assert (plan["node"], plan["availability"], plan["hidden"]) == ("node2", "drain", 0)
    [pinned] = [task for task in plan["tasks"] if task["service"] == "shop_pinned"]
    assert pinned["why"] == "no suitable node: 2 of 3 are not called node2, 1 is drained"
    assert swarm.writes == writes


def test_drain_does_what_was_planned(
    ask: Callable[..., Any], deploy: Callable[..., Any], swarm: MemorySwarm, crane: Crane, client: FlaskClient
) -> None:
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 6}}}")
    planned = Counter(task["node"] for task in ask()["tasks"])

    client.patch("/api/v1/nodes/node2", json={"availability": "drain"})
    swarm.settle()
    crane.watcher.look(full=True)

    names = {node.id: node.name for node in swarm.store.nodes}
    before = {"node1": 2, "node3": 2}
    running = Counter(names[task["NodeID"]] for task in swarm.tasks("shop_web") if task["DesiredState"] == "running")
    assert running == Counter(before) + planned
    assert ask()["tasks"] == []


def test_volumes_mounts_and_interruptions_are_told_of(ask: Callable[..., Any], deploy: Callable[..., Any]) -> None:
    deploy(
        """
services:
  db:
    image: nginx:1
    volumes: ['data:/data', '/srv:/srv']
    deploy: {placement: {constraints: [node.role == worker]}}
volumes: {data: {}}
"""
    )
    [task] = ask()["tasks"]

    assert task["outcome"] == "moves"
    assert task["node"] == "node3"
    assert [(note["code"], note["detail"]) for note in task["notes"]] == [
        ("local-volume", "Its volume shop_data stays on node2: elsewhere it begins with an empty one."),
        ("bind-mount", "It mounts /srv of the node, which may be another on another node."),
        ("interrupted", "All tasks of shop_db that run are on node2: it is down until one runs elsewhere."),
    ]


def test_pausing_moves_nothing(ask: Callable[..., Any], deploy: Callable[..., Any]) -> None:
    deploy("services: {web: {image: 'nginx:1', deploy: {mode: global}}}")

    plan = ask("?availability=pause")

    assert [task["outcome"] for task in plan["tasks"]] == ["stays"]
    assert plan["availability"] == "pause"


def test_unknown_availability_is_named(client: FlaskClient) -> None:
    answer = client.get(f"{PLAN}?availability=gone")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/availability"
