"""crane network: listed, shown, made, connected, removed, and drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

FRONT: dict[str, Any] = {
    "Id": "abcdefghijklmnop",
    "Name": "shop_front",
    "Scope": "swarm",
    "Driver": "overlay",
    "Attachable": True,
    "id": "abcdefghijklmnop",
    "name": "shop_\x1bfront",
    "stack": "shop",
    "node": None,
    "encrypted": True,
    "subnets": ["10.0.1.0/24"],
    "services": 2,
}
BRIDGE = {**FRONT, "id": "0123456789abcdef", "name": "bridge", "Driver": "bridge", "Scope": "local", "node": "node2"}
GRAPH = {
    "services": [{"id": "s1", "name": "web", "stack": "shop"}, {"id": "s2", "name": "db", "stack": "bank"}],
    "networks": [
        {"id": "n1", "name": "front", "stack": "shop", "internal": True},
        {"id": "n2", "name": "back", "stack": "bank"},
    ],
    "edges": [
        {"service": "s1", "network": "n1", "addresses": ["10.0.1.2"], "aliases": ["shop"]},
        {"service": "s1", "network": "n2", "addresses": [], "aliases": []},
        {"service": "s2", "network": "n2", "addresses": [], "aliases": []},
    ],
}


def test_networks_are_listed_and_chosen(crane, server):
    server.plays("GET", "networks", {"items": [FRONT, BRIDGE], "total": 2})

    rows = crane("network", "ls").stdout.splitlines()

    assert rows[0].split() == ["ID", "NAME", "DRIVER", "SCOPE", "NODE", "STACK", "SERVICES", "SUBNETS"]
    assert rows[1].split() == ["abcdefghijkl", "shop_\\x1bfront", "overlay", "swarm", "shop", "2", "10.0.1.0/24"]
    assert crane("network", "ls", "-q", "--filter", "scope=local").stdout == "0123456789abcdef\n"


def test_network_is_shown_with_who_is_on_it(crane, server):
    task = {"id": "t", "name": "shop_web.1", "node": "node1", "state": "running", "addresses": ["10.0.1.7"]}
    member = {"name": "shop_web", "addresses": ["10.0.1.2"], "aliases": ["web"], "tasks": [task]}
    alone = {"name": "alone", "node": "node2", "service": None, "addresses": ["10.0.1.9"], "aliases": []}
    server.plays("GET", "networks/front", FRONT)
    server.plays("GET", "networks/front/services", {"items": [member], "total": 1})
    server.plays("GET", "networks/front/containers", {"items": [alone, {**alone, "service": "shop_web"}], "total": 2})

    shown = crane("network", "inspect", "front").stdout

    assert "Is:        attachable, encrypted\n" in shown
    assert "Service:   shop_web (10.0.1.2, web)\n  Task:    shop_web.1 on node1 (10.0.1.7)\n" in shown
    assert shown.endswith("Container: alone on node2 (10.0.1.9)\n")
    assert json.loads(crane("network", "inspect", "front", "-o", "json").stdout)["members"] == [member]


def test_network_of_a_node_is_asked_for_by_its_node(crane, server):
    server.plays("DELETE", "networks/node2%2Fside", (204, b""))

    assert crane("network", "rm", "node2/side").stdout == "node2/side\n"


def test_network_is_made(crane, server):
    server.plays("POST", "networks", (201, FRONT))

    result = crane(
        "network", "create", "front", "--attachable", "--encrypted", "--stack", "shop", "-l", "tier=front",
        "--opt", "mtu=1400", "--subnet", "10.9.0.0/24", "--gateway", "10.9.0.1",
    )  # fmt: skip

    assert result.stdout == "abcdefghijklmnop\n"
    [sent] = server.sent("POST", "networks")
    assert sent.body == {
        "name": "front",
        "driver": "overlay",
        "attachable": True,
        "internal": False,
        "ipv6": False,
        "encrypted": True,
        "options": {"mtu": "1400"},
        "labels": {"tier": "front", "com.docker.stack.namespace": "shop"},
        "ipam": {"driver": "default", "config": [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}]},
    }


@pytest.mark.parametrize("wrong", [("--gateway", "10.9.0.1"), ("-l", "=x"), ("--opt", "=x")])
def test_wrong_use_is_said_before_anything_is_sent(crane, server, wrong):
    assert crane("network", "create", "front", *wrong).exit_code == 2
    assert server.requests == []


def test_container_is_connected_and_taken_off(crane, server):
    server.plays("POST", "networks/front/connect", (204, b""))
    server.plays("POST", "networks/front/disconnect", (204, b""))

    assert crane("network", "connect", "front", "node2/web", "--alias", "shop", "--ip", "10.0.1.9").exit_code == 0
    assert crane("network", "disconnect", "front", "web", "-f").exit_code == 0

    [connected] = server.sent("POST", "networks/front/connect")
    assert connected.body == {"container": "node2/web", "aliases": ["shop"], "ipv4_address": "10.0.1.9"}
    [taken] = server.sent("POST", "networks/front/disconnect")
    assert taken.body == {"container": "web", "force": True}


def test_graph_is_drawn(crane, server):
    server.plays("GET", "networks/graph", GRAPH)

    assert crane("network", "graph").stdout == ("front [internal]\n`-- web (10.0.1.2, shop)\nback\n|-- db\n`-- web\n")
    assert crane("network", "graph", "--stack", "shop").stdout.startswith("front [internal]\n")
    assert json.loads(crane("network", "graph", "-o", "json").stdout) == GRAPH


def test_graph_of_nothing_says_so(crane, server):
    server.plays("GET", "networks/graph", {"services": [], "networks": [], "edges": []})

    assert "There are no networks" in crane("network", "graph").stderr
