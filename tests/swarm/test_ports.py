"""A node that is kept from the others by its firewall is found, although it is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.swarm.server import Server

GOSSIP = 7946


def set_firewall(lab: Lab, action: str) -> None:
    """Close (``-I``) or open (``-D``) the port of node3 at which nodes speak of networks."""
    rule = ("INPUT", "-p", "tcp", "--dport", str(GOSSIP), "-j", "DROP")
    with lab.node(3).run_beside("iptables", "-w", action, *rule) as done:
        assert done.wait(30) == 0, done.communicate()


@pytest.fixture
def closed(swarm3: Lab) -> Iterator[None]:
    """A firewall on node3 that drops what comes to that port."""
    set_firewall(swarm3, "-I")
    yield
    set_firewall(swarm3, "-D")


def look(server: Server) -> dict[str, Any]:
    """Return what the doctor finds out about ports, by code."""
    checks = {check["name"]: check for check in server.ask("GET", "/doctor?fresh=true")[1]["checks"]}
    return {finding["code"]: finding for finding in checks["ports"]["findings"]}


def test_open_ports_are_told_and_nothing_is_wrong(swarm3: Lab, server: Server) -> None:
    found = look(server)

    assert set(found) <= {"data-path-not-tried", "nodes-not-asked"}
    told = found["data-path-not-tried"]["what"]
    assert told.startswith("This server connected to 2377/TCP of node1, and 7946/TCP of node1, node2, node3. "), told


def test_node_whose_port_is_closed_is_found(swarm3: Lab, closed: None, server: Server) -> None:
    found = look(server)["port-closed"]

    assert (found["severity"], found["where"]) == ("warning", "node3")
    assert found["what"] == (
        f"This server cannot connect to port {GOSSIP}/TCP of node3 ({swarm3.node(3).address}): no answer within 2 s. "
        "It can to the same port of node1, node2."
    )
    assert [node["Status"]["State"] for node in swarm3.ask("GET", "/nodes")] == ["ready"] * 3
