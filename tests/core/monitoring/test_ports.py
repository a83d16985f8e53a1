"""Which ports of nodes the doctor tries, and what it makes of that."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from crane_core.context import Crane
from crane_core.monitoring.doctor.ports import Door, Ports, check_ports, judge_doors
from crane_core.testing.swarm import MemorySwarm

CLOSED = "no answer within 2 s"


def gossip(**tried: str) -> dict[Door, str]:
    """Return what became of the port at which nodes gossip, by node."""
    return {Door(name, f"10.0.0.{at}", 7946): why for at, (name, why) in enumerate(tried.items(), 1)}


def test_port_that_is_closed_on_one_node_is_found() -> None:
    [found] = judge_doors(gossip(a="", b=CLOSED, c=""))

    assert (found.code, found.severity, found.where) == ("port-closed", "warning", "b")
    assert found.what == (
        "This server cannot connect to port 7946/TCP of b (10.0.0.2): no answer within 2 s. "
        "It can to the same port of a, c."
    )


def test_server_that_is_kept_out_everywhere_knows_nothing() -> None:
    [found] = judge_doors(gossip(a=CLOSED, b="Connection refused"))

    assert (found.code, found.severity) == ("port-not-reached", "unknown")
    assert found.what.endswith("it tried a (10.0.0.1: no answer within 2 s), b (10.0.0.2: Connection refused).")


def test_open_ports_are_no_finding() -> None:
    assert list(judge_doors(gossip(a="", b=""))) == []


def test_what_was_tried_is_told(crane: Crane) -> None:
    [found] = check_ports(crane)

    assert found.code == "data-path-not-tried"
    assert found.what.startswith("This server connected to 2377/TCP of node1, and 7946/TCP of node1, node2, node3. ")


def test_closed_port_of_a_node_is_found(crane: Crane, swarm: MemorySwarm) -> None:
    swarm.closed_ports.add(("node2", 7946))

    found = {each.code: each for each in check_ports(crane)}

    assert found["port-closed"].where == "node2"
    assert "7946/TCP of node1, node3." in found["data-path-not-tried"].what


@pytest.fixture
def listening() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_ports_are_really_tried(crane: Crane, listening: int) -> None:
    ports = Ports(crane)
    with socket.socket() as other:
        # Nobody listens at a port that is only kept.
        other.bind(("127.0.0.1", 0))
        kept = int(other.getsockname()[1])

        tried = ports.try_all([Door("a", "127.0.0.1", listening), Door("b", "127.0.0.1", kept)])

    assert list(tried.values()) == ["", "Connection refused"]
