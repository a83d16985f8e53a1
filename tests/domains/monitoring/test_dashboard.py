"""The dashboard: everything in one answer, and to each what they may see."""

from __future__ import annotations

import pytest

from crane_core.security import Identity, Vote
from crane_core.testing.behaviours import Exits
from crane_core.testing.plugins import make_plugin

SHOP = """
services:
  web:
    image: nginx:1
    deploy: {replicas: 2, resources: {reservations: {cpus: '0.5', memory: 64M}}}
  bad: {image: 'bad:1'}
"""


@pytest.fixture
def shop(deploy, swarm):
    swarm.images["bad:1"] = Exits(code=1)
    deploy(SHOP)


def test_nodes_are_counted_with_what_they_have_and_what_is_set_aside(shop, client):
    nodes = client.get("/api/v1/dashboard").json["nodes"]

    assert (nodes["total"], nodes["ready"], nodes["by_state"]) == (3, 3, {"ready": 3})
    assert (nodes["managers"], nodes["managers_reachable"], nodes["not_ready"]) == (1, 1, [])
    assert nodes["capacity"] == {"cpus": 12.0, "memory_bytes": 24 * 2**30}
    assert nodes["reserved"] == {"cpus": 1.0, "memory_bytes": 128 * 2**20}
    nothing = {"cpus": 0, "memory_bytes": 0}
    assert nodes["used"] == {"cpus": None, "memory_bytes": None, "nodes": 0, "capacity": nothing}


def test_what_is_used_is_told_with_what_those_nodes_have_that_it_is_known_of(shop, client, measure):
    measure(nodes=("node1", "node2"))
    measure(nodes=("node1", "node2"))

    nodes = client.get("/api/v1/dashboard").json["nodes"]

    assert (nodes["capacity"]["cpus"], nodes["used"]["nodes"]) == (12.0, 2)
    assert nodes["used"]["capacity"] == {"cpus": 8.0, "memory_bytes": 16 * 2**30}


def test_a_node_that_is_down_is_named_and_not_counted_on(shop, client, swarm, crane):
    swarm.node_down("node3")
    swarm.advance(30)
    crane.watcher.look(full=True)

    nodes = client.get("/api/v1/dashboard").json["nodes"]

    assert (nodes["ready"], nodes["not_ready"], nodes["capacity"]["cpus"]) == (2, ["node3"], 8.0)


def test_services_in_trouble_say_why(shop, client):
    told = client.get("/api/v1/dashboard").json

    assert (told["services"]["total"], told["services"]["converged"]) == (2, 1)
    [troubled] = told["services"]["troubled"]
    assert (troubled["name"], troubled["stack"], troubled["state"]) == ("shop_bad", "shop", "degraded")
    assert troubled["why"]
    assert told["tasks"]["running"] >= 2
    assert told["tasks"]["by_state"]["failed"] >= 1


def test_last_events_are_there_the_oldest_first(shop, client, crane):
    crane.events.drain()

    numbers = [event["number"] for event in client.get("/api/v1/dashboard").json["events"]]

    assert numbers == sorted(numbers)
    assert 1 <= len(numbers) <= 20


def test_who_has_it_already_is_told_so(client):
    first = client.get("/api/v1/dashboard")
    again = client.get("/api/v1/dashboard", headers={"If-None-Match": first.headers["ETag"]})

    # Something may happen in between, or a node answer for the first time; the same is never sent twice.
    assert again.status_code == 304 or without_ages(again.json) != without_ages(first.json)


def without_ages(told):
    """Return what is told without how long ago it was read."""
    return {**told, "sources": [(source["name"], source["state"]) for source in told["sources"]]}


class TestOthers:
    @pytest.fixture
    def crane_plugins(self):
        def crane_authenticate(request):
            return Identity("ann", "user" if "X-Name" in request.headers else "local")

        def crane_authorize(identity, action, target):
            allowed = action == "dashboard:read" or (action.endswith(":read") and target.stack == "shop")
            return Vote.allow() if allowed else None

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    def test_they_see_what_they_may(self, shop, client):
        told = client.get("/api/v1/dashboard", headers={"X-Name": "ann"}).json

        assert (told["nodes"]["total"], told["services"]["total"]) == (0, 2)
        assert {event["stack"] for event in told["events"]} <= {"shop"}
