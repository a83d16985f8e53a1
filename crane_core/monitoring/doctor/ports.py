"""What the doctor can tell of the ports between nodes: who hears whom, and which ports the server itself reaches."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from crane_core.context import Crane
from crane_core.contributions import Finding
from crane_core.engine.client import Engine
from crane_core.engine.records import Node
from crane_core.monitoring.doctor.engines import ask_ready, name_silent

# For each overlay network the addresses of the nodes that take part in it.
Peers = Mapping[str, frozenset[str]]

# How many networks of a node are looked at.
MOST_NETWORKS = 20
# Where managers take nodes in, unless they say otherwise, and where all nodes tell each other of networks.
MANAGER_PORT, GOSSIP_PORT = 2377, 7946
CONNECT_SECONDS = 2.0
# How many connections are tried at the same time.
MOST_AT_ONCE = 32


@dataclass(frozen=True)
class Door:
    """A port of a node that is to be open."""

    node: str
    address: str
    port: int


class Ports:
    """The room of one server that tries ports of nodes.

    :ivar connect: Opens a connection to an address and port within a time limit, as ``socket.create_connection``.
    """

    def __init__(self, crane: Crane) -> None:
        self.connect: Callable[[tuple[str, int], float], Any] = socket.create_connection

    def try_all(self, doors: Iterable[Door]) -> dict[Door, str]:
        """Try to connect to each; return why that failed, nothing where it did not."""
        with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="crane-ports") as workers:
            tried = [(door, workers.submit(self._try, door)) for door in doors]
            return {door: future.result() for door, future in tried}

    def _try(self, door: Door) -> str:
        try:
            self.connect((door.address, door.port), CONNECT_SECONDS).close()
        except TimeoutError:
            return f"no answer within {CONNECT_SECONDS:g} s"
        except OSError as error:
            return error.strerror or str(error)
        return ""


def check_ports(crane: Crane) -> Iterator[Finding]:
    """Look whether nodes hear each other, and try the ports of each that can be tried from here."""
    told = ask_ready(crane, read_peers)
    yield from compare_peers(
        {each.node.name: each.node.address for each in told},
        {each.node.name: each.value for each in told if each.value is not None},
    )
    yield from name_silent(told, "What is heard by")
    nodes = crane.cache.snapshot().nodes.values()
    if len(nodes) < 2:
        return
    tried = crane.room(Ports).try_all(find_doors(nodes))
    yield from judge_doors(tried)
    yield Finding(
        "data-path-not-tried",
        "unknown",
        f"{_say_what_was_opened(tried)}Whether {GOSSIP_PORT}/UDP and {_data_path_port(crane)}/UDP are open between "
        "nodes, which carry the networks, cannot be tried from here: nobody answers there whom nodes do not know.",
        advice="Start a task on each of two nodes in one network, and let one ping the other by name.",
    )


# --- Who hears whom -----------------------------------------------------------------------------------------------


def compare_peers(addresses: Mapping[str, str], heard: Mapping[str, Peers]) -> Iterator[Finding]:
    """Yield the nodes that do not know others in a network in which both take part.

    :param addresses: The address of each node by its name.
    :param heard: For each node the networks that it takes part in, each with the addresses of whom it knows there.
    """
    for name, networks in sorted(heard.items()):
        for network, peers in sorted(networks.items()):
            others = (other for other, theirs in heard.items() if other != name and network in theirs)
            missing = sorted(other for other in others if addresses[other] not in peers)
            if missing:
                yield Finding(
                    "gossip-missing",
                    "error",
                    f"{name} does not know {', '.join(missing)} in the network {network}: they do not hear each other.",
                    name,
                    "Open port 7946, TCP and UDP, between all nodes; and look whether their addresses are right.",
                )


def read_peers(engine: Engine) -> Peers:
    """Return the addresses that a node knows to be in each overlay network that it takes part in."""
    found: dict[str, frozenset[str]] = {}
    listed = engine.read_json("/networks", filters={"driver": ["overlay"]})
    # A manager lists networks as the Swarm knows them; one by one it tells of its own part in them.
    for network in listed[:MOST_NETWORKS]:
        if peers := engine.inspect("network", str(network.get("Id"))).get("Peers"):
            found[str(network.get("Name"))] = frozenset(str(peer.get("IP")) for peer in peers)
    return found


# --- What the server reaches --------------------------------------------------------------------------------------


def find_doors(nodes: Iterable[Node]) -> list[Door]:
    """Return the ports of nodes that are ready, by their names: where managers take in others, and where all gossip."""
    doors = []
    for node in sorted(nodes, key=lambda node: node.name):
        if node.state != "ready":
            continue
        address = node.address
        if node.ManagerStatus is not None and node.ManagerStatus.Addr:
            host, _, port = node.ManagerStatus.Addr.rpartition(":")
            # What a manager tells others is true where the managers see it at some address of every machine.
            address = host.strip("[]")
            doors.append(Door(node.name, address, int(port) if port.isdecimal() else MANAGER_PORT))
        if _is_told(address):
            doors.append(Door(node.name, address, GOSSIP_PORT))
    return doors


def _is_told(address: str) -> bool:
    """Tell whether an address is one at which others find the node."""
    try:
        told = ipaddress.ip_address(address)
    except ValueError:
        return bool(address)
    return not (told.is_unspecified or told.is_loopback)


def judge_doors(tried: Mapping[Door, str]) -> Iterator[Finding]:
    """Yield the ports that are closed to the server. Where all of a kind are, it is the server that stands outside."""
    for port in sorted({door.port for door in tried}):
        closed = [(door, why) for door, why in tried.items() if door.port == port and why]
        opened = [door.node for door, why in tried.items() if door.port == port and not why]
        for door, why in closed if opened else ():
            yield Finding(
                "port-closed",
                "warning",
                f"This server cannot connect to port {port}/TCP of {door.node} ({door.address}): {why}. "
                f"It can to the same port of {', '.join(opened)}.",
                door.node,
                f"Open port {port} of {door.node} to the other nodes, 7946 for TCP and UDP, and look at its firewall.",
            )
        if closed and not opened:
            places = ", ".join(f"{door.node} ({door.address}: {why})" for door, why in closed)
            yield Finding(
                "port-not-reached",
                "unknown",
                f"This server reaches port {port}/TCP of no node, so that it says nothing of it; it tried {places}.",
                advice=f"Try it on a node: nc -z -w 2 ADDRESS {port}",
            )


def _say_what_was_opened(tried: Mapping[Door, str]) -> str:
    by_port: dict[int, list[str]] = {}
    for door, why in tried.items():
        if not why:
            by_port.setdefault(door.port, []).append(door.node)
    if not by_port:
        return ""
    opened = ", and ".join(f"{port}/TCP of {', '.join(nodes)}" for port, nodes in sorted(by_port.items()))
    return f"This server connected to {opened}. "


def _data_path_port(crane: Crane) -> int:
    return int(crane.engine.swarm().get("DataPathPort") or 4789)
