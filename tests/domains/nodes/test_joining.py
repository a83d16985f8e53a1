"""An Engine becomes a node by its endpoint, wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from crane_core.cluster.errors import NotJoined
from crane_core.cluster.nodes.joining import Newcomer, TlsTexts, join
from crane_core.context import Crane
from crane_core.testing.answers import Refusal, Response
from crane_core.testing.cluster import Outsider
from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import SocketServer, serve

NODES = "/api/v1/nodes"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[Outsider], str]]:
    """Serve an Engine that is in no Swarm; returns its URL."""
    servers: list[SocketServer] = []

    def act(outsider: Outsider) -> str:
        path = str(tmp_path / f"outsider{len(servers)}.sock")
        servers.append(serve(outsider, path))
        return f"unix://{path}"

    yield act
    for server in servers:
        server.shutdown()
        server.server_close()


def names(client: FlaskClient) -> list[str]:
    """Return the names of the nodes."""
    return [node["name"] for node in client.get(NODES).json["items"]]


def test_engine_becomes_a_node(client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]) -> None:
    url = served(Outsider(swarm))

    answer = client.post(NODES, json={"url": url, "labels": {"ssd": "true"}, "availability": "drain"})

    assert answer.status_code == 201, answer.json
    node = answer.json
    assert (node["name"], node["role"], node["availability"]) == ("newcomer", "worker", "drain")
    assert node["Spec"]["Labels"] == {"ssd": "true"}
    assert client.get(answer.headers["Location"]).json["ID"] == node["ID"]
    assert names(client) == ["newcomer", "node1", "node2", "node3"]


def test_engine_becomes_a_manager(client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]) -> None:
    answer = client.post(NODES, json={"url": served(Outsider(swarm)), "role": "manager"})

    assert answer.json["ManagerStatus"]["Reachability"] == "reachable"


def test_member_of_a_swarm_is_not_joined_again(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    url = served(Outsider(swarm))
    client.post(NODES, json={"url": url})

    again = client.post(NODES, json={"url": url})
    foreign = Outsider(MemorySwarm(nodes=1))
    foreign.handle("POST", "/swarm/join", body=b'{"JoinToken": "SWMTKN-1-memory-worker"}')
    other = client.post(NODES, json={"url": served(foreign)})

    assert (again.status_code, again.json["code"]) == (409, "already-in-a-swarm")
    assert "is the node newcomer of this Swarm already" in again.json["detail"]
    assert (other.status_code, other.json["code"]) == (409, "already-in-a-swarm")
    assert "another Swarm" in other.json["detail"]


class Clock:
    """A clock that a pause moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        """Let seconds pass."""
        self.now += seconds


def test_engine_that_takes_its_time_is_waited_for(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    answer = client.post(NODES, json={"url": served(Outsider(swarm, joins_after=4)), "labels": {"ssd": "true"}})

    assert answer.status_code == 201, answer.json
    assert answer.json["Spec"]["Labels"] == {"ssd": "true"}


def test_engine_that_gives_up_is_not_waited_for(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    outsider = Outsider(swarm, fails="its certificate was refused", joins_after=1)

    answer = client.post(NODES, json={"url": served(outsider)})

    assert (answer.status_code, answer.json["code"]) == (502, "not-joined")
    assert "It gave up: its certificate was refused. Nothing of it was kept" in answer.json["detail"]
    assert names(client) == ["node1", "node2", "node3"]


def test_engine_that_never_joins_leaves_no_trace(
    crane: Crane, client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    outsider, clock = Outsider(swarm, joins_after=float("inf")), Clock()

    with pytest.raises(NotJoined, match=r"has not joined within 90 s: .* take it in\. Nothing of it was kept"):
        join(crane, "ann", Newcomer(served(outsider)), clock=clock, pause=clock.pause)

    assert outsider.node is None
    assert ("POST", "/swarm/leave") in outsider.requests
    assert names(client) == ["node1", "node2", "node3"]


@pytest.mark.parametrize("role", ["worker", "manager"])
def test_what_never_gets_ready_leaves_no_trace(
    crane: Crane, client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str], role: Any
) -> None:
    outsider, clock = Outsider(swarm, gets_ready=False), Clock()

    with pytest.raises(NotJoined, match=r"still calls it unknown\. Nothing of it was kept"):
        join(crane, "ann", Newcomer(served(outsider), role), clock=clock, pause=clock.pause)

    assert outsider.node is None
    assert ("POST", "/swarm/leave") in outsider.requests
    assert names(client) == ["node1", "node2", "node3"]


def test_what_the_engine_refuses_leaves_no_trace(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    outsider = Outsider(MemorySwarm(nodes=1))
    swarm.cluster.tokens["Worker"] = "SWMTKN-1-another"

    answer = client.post(NODES, json={"url": served(outsider)})

    assert (answer.status_code, answer.json["code"]) == (502, "not-joined")
    assert "valid join token" in answer.json["detail"]
    assert outsider.node is None
    assert names(client) == ["node1", "node2", "node3"]


class Rival(Outsider):
    """An Engine that somebody else has join while it is looked at."""

    def handle(self, method: str, path: str, *arguments: Any, **named: Any) -> Response:
        answer = super().handle(method, path, *arguments, **named)
        if path.endswith("/info") and self.node is None:
            super().handle("POST", "/swarm/join", body=b'{"JoinToken": "SWMTKN-1-memory-worker"}')
        return answer


def test_what_somebody_else_had_join_meanwhile_stays(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    rival = Rival(swarm)

    answer = client.post(NODES, json={"url": served(rival)})

    assert (answer.status_code, answer.json["code"]) == (409, "already-in-a-swarm")
    assert rival.node is not None
    assert rival.node.id in swarm.store.nodes


def test_labels_that_cannot_be_given_undo_the_joining(
    client: FlaskClient, swarm: MemorySwarm, served: Callable[..., str]
) -> None:
    outsider = Outsider(swarm)
    swarm.refusals.append(("POST", "/update", Refusal(500, "no leader")))

    answer = client.post(NODES, json={"url": served(outsider), "labels": {"a": "b"}})

    assert (answer.status_code, answer.json["code"]) == (502, "not-joined")
    assert outsider.node is None
    assert names(client) == ["node1", "node2", "node3"]


def test_engine_that_does_not_answer_is_told_so(client: FlaskClient, tmp_path: Path) -> None:
    answer = client.post(NODES, json={"url": f"unix://{tmp_path}/none.sock"})

    assert (answer.status_code, answer.json["code"]) == (503, "engine-unavailable")
    assert "none.sock" in answer.json["detail"]


PEM = "-----BEGIN {0}-----\nMIIB\n-----END {0}-----\n"
TLS = {"ca": PEM.format("CERTIFICATE"), "certificate": PEM.format("CERTIFICATE"), "key": PEM.format("PRIVATE KEY")}
BAD = {
    "no URL": ({}, "/url"),
    "another scheme": ({"url": "file:///etc/passwd"}, "/url"),
    "no host": ({"url": "tcp://"}, "/url"),
    "a space": ({"url": "ssh://host -oProxyCommand=x"}, "/url"),
    "an unknown role": ({"url": "tcp://h:1", "role": "boss"}, "/role"),
    "no key": ({"url": "tcp://h:1", "tls": {name: TLS[name] for name in ("ca", "certificate")}}, "/tls/key"),
    "a label to be removed": ({"url": "tcp://h:1", "labels": {"a": None}}, "/labels/a/value"),
    "a certificate that is none": (
        {"url": "tcp://h:1", "tls": {**TLS, "certificate": "t0psecret"}},
        "/tls/certificate",
    ),
    "a key that is none": ({"url": "tcp://h:1", "tls": {**TLS, "key": "t0psecret"}}, "/tls/key"),
    "an unknown member": ({"url": "tcp://h:1", "token": "x"}, "/token"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_makes_no_sense_is_named(client: FlaskClient, what: str) -> None:
    body, pointer = BAD[what]

    answer = client.post(NODES, json=body)

    assert answer.status_code == 422, answer.json
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert "t0psecret" not in answer.text


def test_key_is_in_no_representation() -> None:
    assert "t0psecret" not in repr(Newcomer("tcp://h:1", tls=TlsTexts("a", "b", "t0psecret")))
