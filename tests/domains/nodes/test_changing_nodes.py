"""Nodes are changed and removed over HTTP, and what the Swarm needs stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from crane_core.context import Crane
from crane_core.events import Event
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

NODES = "/api/v1/nodes"


@pytest.fixture
def told() -> list[Event]:
    """The events that plugins were told of."""
    return []


@pytest.fixture
def crane_plugins(told: list[Event], crane_plugins: Any) -> list[Any]:
    """A plugin that listens."""

    def crane_event(event: Event) -> None:
        told.append(event)

    return [*crane_plugins, make_plugin("listener", crane_event)]


@pytest.fixture
def promote(client: FlaskClient) -> Callable[..., None]:
    """Make managers of nodes."""

    def act(*names: str) -> None:
        for name in names:
            assert client.patch(f"{NODES}/{name}", json={"role": "manager"}).status_code == 200

    return act


def test_labels_are_set_and_removed_and_the_others_stay(client: FlaskClient, swarm: MemorySwarm) -> None:
    swarm.label_node("node2", rack="7", old="1")

    answer = client.patch(f"{NODES}/node2", json={"labels": {"ssd": "true", "old": None, "never": None}})

    assert answer.status_code == 200, answer.json
    assert answer.json["Spec"]["Labels"] == {"rack": "7", "ssd": "true"}
    assert client.get(f"{NODES}/node2").json["Spec"] == answer.json["Spec"]
    assert answer.headers["ETag"] == client.get(f"{NODES}/node2").headers["ETag"]


def test_what_the_request_does_not_name_stays(client: FlaskClient, swarm: MemorySwarm) -> None:
    node = swarm.store.nodes.get("node2")
    node.body["Spec"] = {**node.spec, "Name": "alias", "Labels": {"a": "b"}}
    swarm.store.touch(node)

    client.patch(f"{NODES}/node2", json={"availability": "drain"})

    sent = [call for call in swarm.calls if call.method == "POST"][-1]
    assert b'"Name":"alias"' in (sent.body or b"")
    assert client.get(f"{NODES}/node2").json["Spec"]["Labels"] == {"a": "b"}


def test_nothing_is_sent_where_nothing_changes(client: FlaskClient, swarm: MemorySwarm) -> None:
    answer = client.patch(f"{NODES}/node2", json={"availability": "active", "labels": {"none": None}})

    assert answer.status_code == 200
    assert swarm.writes == []


def test_change_is_told_with_old_and_new_and_without_secrets(
    client: FlaskClient, crane: Crane, told: list[Event]
) -> None:
    client.patch(f"{NODES}/node2", json={"availability": "pause", "labels": {"token": "t0psecret", "rack": "1"}})

    crane.events.drain()
    [event] = [event for event in told if event.kind == "node.updated"]
    assert (event.name, event.by) == ("node2", "local")
    assert event.detail == {
        "availability": {"old": "active", "new": "pause"},
        "labels": {"rack": {"old": None, "new": "1"}, "token": {"old": None, "new": "(hidden)"}},
    }


def test_change_of_an_old_version_is_refused(client: FlaskClient, swarm: MemorySwarm) -> None:
    etag = client.get(f"{NODES}/node2").headers["ETag"]
    client.patch(f"{NODES}/node2", json={"labels": {"a": "1"}})

    late = client.patch(f"{NODES}/node2", json={"labels": {"a": "2"}}, headers={"If-Match": etag})
    now = client.get(f"{NODES}/node2")
    timely = client.patch(f"{NODES}/node2", json={"labels": {"a": "2"}}, headers={"If-Match": now.headers["ETag"]})

    assert (late.status_code, late.json["code"]) == (409, "outdated")
    assert timely.json["Spec"]["Labels"] == {"a": "2"}


BAD = {
    "an unknown role": ({"role": "boss"}, "/role"),
    "an unknown availability": ({"availability": "gone"}, "/availability"),
    "a label without a name": ({"labels": {"": "x"}}, "/labels//key"),
    "a label with a space": ({"labels": {"a b": "x"}}, "/labels/a b/key"),
    "a label with a line feed at its end": ({"labels": {"a\n": "x"}}, "/labels/a\n/key"),
    "a label that is a number": ({"labels": {"a": 1}}, "/labels/a/value"),
    "a label that is too long": ({"labels": {"a": "x" * 5000}}, "/labels/a/value"),
    "labels that are a list": ({"labels": ["a"]}, "/labels"),
    "an unknown member": ({"lables": {}}, "/lables"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_makes_no_sense_is_named(client: FlaskClient, swarm: MemorySwarm, what: str) -> None:
    body, pointer = BAD[what]

    answer = client.patch(f"{NODES}/node2", json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert swarm.writes == []


def test_unknown_node_is_neither_changed_nor_removed(client: FlaskClient) -> None:
    assert client.patch(f"{NODES}/none", json={"role": "worker"}).status_code == 404
    assert client.delete(f"{NODES}/none").status_code == 404
    assert client.get(f"{NODES}/none/drain-plan").status_code == 404
    assert client.get(f"{NODES}/none/tasks").status_code == 404


def test_worker_is_promoted_and_demoted(client: FlaskClient, promote: Callable[..., None]) -> None:
    promote("node2", "node3")

    assert client.get(f"{NODES}/node2").json["ManagerStatus"]["Reachability"] == "reachable"

    answer = client.patch(f"{NODES}/node2", json={"role": "worker"})
    assert answer.status_code == 200, answer.json
    assert "ManagerStatus" not in answer.json


def test_last_manager_stays_one(client: FlaskClient, swarm: MemorySwarm) -> None:
    answer = client.patch(f"{NODES}/node1", json={"role": "worker"})

    assert (answer.status_code, answer.json["code"]) == (409, "last-manager")
    assert "Promote another node first" in answer.json["detail"]
    assert swarm.writes == []


def test_manager_that_the_server_speaks_with_stays_one(client: FlaskClient, promote: Callable[..., None]) -> None:
    promote("node2", "node3")

    answer = client.patch(f"{NODES}/node1", json={"role": "worker"})

    assert (answer.status_code, answer.json["code"]) == (409, "own-manager")
    assert "engine.url" in answer.json["detail"]


def test_majority_is_not_given_away(client: FlaskClient, promote: Callable[..., None], swarm: MemorySwarm) -> None:
    promote("node2", "node3")
    swarm.store.nodes.get("node3").body["ManagerStatus"]["Reachability"] = "unreachable"
    swarm.store.touch(swarm.store.nodes.get("node3"))

    answer = client.patch(f"{NODES}/node2", json={"role": "worker"})
    lost = client.patch(f"{NODES}/node3", json={"role": "worker"})

    assert (answer.status_code, answer.json["code"]) == (409, "quorum-at-risk")
    assert "1 of 2 managers would answer" in answer.json["detail"]
    assert lost.status_code == 200, "a manager that does not answer is no loss"


def test_node_that_is_down_is_removed(client: FlaskClient, swarm: MemorySwarm, crane: Crane, told: list[Event]) -> None:
    swarm.node_down("node3")
    swarm.advance(11)
    crane.watcher.look(full=True)

    assert client.delete(f"{NODES}/node3").status_code == 204
    assert client.get(f"{NODES}/node3").status_code == 404
    crane.events.drain()
    assert ("node.removed", "node3") in [(event.kind, event.name) for event in told]


def test_node_that_is_up_is_removed_by_force_only(client: FlaskClient) -> None:
    refused = client.delete(f"{NODES}/node3")
    forced = client.delete(f"{NODES}/node3?force=true")

    assert (refused.status_code, refused.json["code"]) == (409, "node-not-down")
    assert "docker swarm leave" in refused.json["detail"]
    assert forced.status_code == 204


def test_manager_is_not_removed(client: FlaskClient, promote: Callable[..., None]) -> None:
    promote("node2")

    answer = client.delete(f"{NODES}/node2?force=true")

    assert (answer.status_code, answer.json["code"]) == (409, "still-a-manager")
    assert "Demote it first" in answer.json["detail"]


def test_capacity_adds_up_what_is_alive(client: FlaskClient, deploy: Callable[..., Any]) -> None:
    deploy(
        """
services:
  web:
    image: nginx:1
    deploy:
      replicas: 2
      placement: {constraints: [node.hostname == node2]}
      resources:
        reservations: {cpus: '0.5', memory: 256M}
        limits: {cpus: '1', memory: 512M}
  loose: {image: 'nginx:1', deploy: {placement: {constraints: [node.hostname == node2]}}}
"""
    )

    capacity = client.get(f"{NODES}/node2").json["capacity"]

    gib = 2**30
    assert capacity == {
        "total": {"cpus": 4.0, "memory_bytes": 8 * gib, "generic": {}},
        "reserved": {"cpus": 1.0, "memory_bytes": gib // 2, "generic": {}},
        "limited": {"cpus": 2.0, "memory_bytes": gib, "generic": {}},
        "free": {"cpus": 3.0, "memory_bytes": 8 * gib - gib // 2, "generic": {}},
        "unlimited_tasks": 1,
    }
    listed = client.get(f"{NODES}?q=node2").json["items"]
    assert [node["capacity"] for node in listed] == [capacity]


def test_tasks_of_a_node_are_listed(client: FlaskClient, deploy: Callable[..., Any]) -> None:
    deploy("services: {web: {image: 'nginx:1', deploy: {mode: global}}}")

    listed = client.get(f"{NODES}/node2/tasks").json

    assert [(task["name"], task["node"], task["state"]) for task in listed["items"]] == [
        ("shop_web.node2", "node2", "running")
    ]


def test_labels_of_endpoints_are_for_those_who_may_join(client: FlaskClient, crane: Crane) -> None:
    labels = {"crane.reserved.node.endpoint": "tcp://10.0.0.2:2376"}
    answer = client.patch(f"{NODES}/node2", json={"labels": labels})

    assert answer.status_code == 200, "whoever runs the server may"
    assert answer.json["Spec"]["Labels"] == labels


class TestSomebodyWhoMayChangeNodesOnly:
    """A caller who may change nodes, and join none."""

    @pytest.fixture
    def crane_plugins(self) -> list[Any]:
        """A plugin that knows one caller and what they may."""

        def crane_authenticate(request: flask.Request) -> Identity:
            return Identity("ann")

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            return Vote(action in ("node:read", "node:update"), "as the test says")

        return [make_plugin("people", crane_authenticate, crane_authorize)]

    def test_they_say_not_where_an_engine_is_reached(self, client: FlaskClient, swarm: MemorySwarm) -> None:
        swarm.label_node("node2", **{"crane.reserved.node.endpoint": "tcp://10.0.0.2:2376"})
        for value in ("tcp://10.6.6.6:2375", None):
            answer = client.patch(f"{NODES}/node2", json={"labels": {"crane.reserved.node.endpoint": value}})
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden")

        assert client.patch(f"{NODES}/node2", json={"labels": {"rack": "1"}}).status_code == 200
        assert client.post(NODES, json={"url": "tcp://10.6.6.6:2375"}).status_code == 403
        assert client.delete(f"{NODES}/node2?force=true").status_code == 403

    def test_tasks_that_they_may_not_see_are_only_counted(
        self, client: FlaskClient, crane: Crane, swarm: MemorySwarm
    ) -> None:
        crane.engine.create("service", {"Name": "web", "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1"}}})
        swarm.settle()
        crane.watcher.look(full=True)
        [task] = swarm.tasks("web")

        plan = client.get(f"{NODES}/{task['NodeID']}/drain-plan").json

        assert (plan["tasks"], plan["hidden"], plan["counts"]["moves"]) == ([], 1, 1)
