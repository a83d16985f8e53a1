"""The ways to the nodes' Engines over HTTP."""

from __future__ import annotations

import pytest

from crane_core.engine.agent import address_of
from crane_core.engine.link import Endpoint
from crane_core.engine.parts import ManagerState, NodeStatus
from crane_core.engine.pool import Pool
from crane_core.engine.records import Node, ObjectVersion
from crane_core.testing.waiting import until


@pytest.fixture
def pool(crane):
    return crane.room(Pool)


def test_each_node_says_how_it_is_reached(client, pool):
    pool.get("node2")

    rows = {row["node"]: row for row in client.get("/api/v1/engines").json["items"]}

    assert {name: row["via"] for name, row in rows.items()} == {
        "node1": "socket",
        "node2": "setting",
        "node3": "setting",
    }
    assert (rows["node2"]["state"], rows["node2"]["answered_at"], rows["node2"]["error"]) == ("fresh", None, "")
    assert rows["node2"]["agent"] is None


def test_node_that_is_gone_says_since_when_and_why(client, pool, swarm):
    pool.get("node3")
    swarm.node_down("node3")
    link = pool.link("node3")
    link.suspect()
    until(lambda: link.error)

    answer = client.get("/api/v1/engines?state=stale").json

    [row] = answer["items"]
    assert row["node"] == "node3"
    assert "No route to host" in row["error"]
    assert row["answered_at"]
    assert {source["name"]: source["state"] for source in answer["sources"]}["node3"] == "stale"


def test_list_does_not_change_by_being_looked_at(client, pool):
    for name in ("node1", "node2", "node3"):
        pool.get(name)
    etag = client.get("/api/v1/engines").headers["ETag"]

    assert client.get("/api/v1/engines", headers={"If-None-Match": etag}).status_code == 304


def test_password_in_an_address_is_hidden(client, pool):
    pool.add_finder(lambda node: Endpoint("ssh://ann:s3cret@node.example.com", "label"), first=True)

    assert "s3cret" not in client.get("/api/v1/engines").text


@pytest.mark.parametrize("query", ["sort=age", "colour=red", "limit=-1"])
def test_list_that_cannot_be_had_is_refused(client, query):
    assert client.get(f"/api/v1/engines?{query}").status_code == 422


@pytest.mark.parametrize(
    ("told", "manager", "address"),
    [
        ("10.0.0.5", None, "10.0.0.5"),
        ("0.0.0.0", "10.0.0.1:2377", "10.0.0.1"),
        ("127.0.0.1", "[fd00::1]:2377", "fd00::1"),
        ("0.0.0.0", None, ""),
        ("0.0.0.0", "[broken", ""),
    ],
)
def test_first_manager_is_known_by_its_address_as_a_manager(told, manager, address):
    state = None if manager is None else ManagerState(Addr=manager)

    assert address_of(Node("a", ObjectVersion(1), Status=NodeStatus(Addr=told), ManagerStatus=state)) == address
