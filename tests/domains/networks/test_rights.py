"""Networks of one stack, and those who may not touch them."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

LABEL = "com.docker.stack.namespace"
SHOP = "services: {web: {image: 'nginx:1', networks: [front]}}\nnetworks: {front: {attachable: true}}"
BANK = """
services: {db: {image: 'nginx:1', networks: [back, shared]}}
networks: {back: {}, shared: {external: true, name: shop_front}}
"""


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """Callers who may do everything to the stack of their name, but exceed the policy; the admin to all."""

    def crane_authenticate(request: Any) -> Identity:
        return Identity(request.headers.get("X-Name", "admin"))

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        in_general = not target.name and not target.id and target.stack is None
        own = (target.stack == identity.name and action != "policy:exceed") or in_general
        return Vote(identity.name == "admin" or own, "it is not theirs")

    return [make_plugin("rights", crane_authenticate, crane_authorize)]


@pytest.fixture
def ask(client: Any, deploy: Any, body: Any, swarm: Any, crane: Any) -> Any:
    """Ask as the one of the stack ``shop``, whose network a service of another stack uses too."""
    deploy(SHOP)
    client.put("/api/v1/stacks/bank", json=body(BANK))
    swarm.settle()
    crane.watcher.look(full=True)
    return lambda method, path, json=None: client.open(
        f"/api/v1/networks{path}", method=method, json=json, headers={"X-Name": "shop"}
    )


def test_list_and_graph_hold_what_one_may_see(ask):
    graph = ask("GET", "/graph").json

    assert [row["name"] for row in ask("GET", "").json["items"]] == ["shop_front"]
    assert [each["name"] for each in graph["networks"]] == ["shop_front"]
    assert [each["name"] for each in graph["services"]] == ["shop_web"]
    assert len(graph["edges"]) == 1


def test_services_of_others_are_not_named(ask, client):
    assert [each["name"] for each in ask("GET", "/shop_front/services").json["items"]] == ["shop_web"]
    assert {each["service"] for each in ask("GET", "/shop_front/containers").json["items"]} == {"shop_web"}
    refused = ask("DELETE", "/shop_front").json["detail"]
    assert refused == "The network shop_front is used by shop_web and 1 more service."


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/bank_back"), ("GET", "/bank_back/services"), ("DELETE", "/bank_back"), ("GET", "/node1/bridge"),
    ("POST", "/bank_back/connect"), ("POST", "/bank_back/disconnect"), ("DELETE", "/ingress"),
])  # fmt: skip
def test_network_of_others_is_closed(ask, method, path):
    assert ask(method, path, {"container": "x"} if method == "POST" else None).status_code == 403


def test_network_is_made_in_ones_own_stack_only(ask):
    for labels, status in (({LABEL: "shop"}, 201), ({LABEL: "bank"}, 403), ({}, 403)):
        assert ask("POST", "", {"name": f"n{status}{len(labels)}", "labels": labels}).status_code == status


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan", "bridge", "host"])
def test_network_that_leads_to_the_node_itself_is_refused_by_the_policy(ask, swarm, driver):
    sent = {"name": "out", "driver": driver, "node": "node1", "labels": {LABEL: "shop"}, "options": {"parent": "eth0"}}

    answer = ask("POST", "", sent)

    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert (error["pointer"], error["code"]) == ("/driver", "network-drivers")
    assert "out" not in [network.name for network in swarm.store.networks]


def test_container_of_others_is_not_connected_to_ones_own_network(ask, client, swarm):
    [task] = swarm.tasks("bank_db")
    theirs = task["Status"]["ContainerStatus"]["ContainerID"]
    alone = swarm.engine("node1").containers.add("alone")

    for container in (theirs, alone):
        assert ask("POST", "/shop_front/connect", {"container": container}).status_code == 403
        assert ask("POST", "/shop_front/disconnect", {"container": container}).status_code == 403
