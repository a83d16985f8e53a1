"""The lab's network: a switch in a namespace of its own, with one cable to each node and one to the host.

A bridge in the host's own namespace would be filtered by the host's FORWARD rules, and nodes could not join each other.
The addresses are from 198.18.0.0/15, which is set aside for tests of networks, so that they meet neither the Swarm's
own pool (10.0.0.0/8) nor anybody's office.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RANGE = ipaddress.ip_network("198.18.0.0/15")
NAMESPACES = Path("/var/run/netns")
LOCK = Path("/run/crane-lab.lock")


class Network:
    """A switch and its cables.

    :param name: The lab's name (``cranelab-<pid>-<number>``).
    :param link: The name of the cable's end on the host, at most 15 characters.
    """

    def __init__(self, name: str, link: str) -> None:
        self.switch = f"{name}-switch"
        self.link = link
        self._name = name
        self._subnet: ipaddress.IPv4Network | None = None

    def address(self, node: int) -> str:
        """Return the address of a node, counted from 1."""
        assert self._subnet is not None, "The network is not up."
        return str(self._subnet[node])

    def namespace(self, node: int) -> str:
        """Return the name of a node's network namespace."""
        return f"{self._name}-node{node}"

    def up(self, nodes: int) -> None:
        """Lay the cables for a number of nodes."""
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", self.switch, "link", "set", "switch", "up")
        with _alone():
            self._subnet = _free_subnet()
            _ip("link", "add", self.link, "type", "veth", "peer", "name", "host", "netns", self.switch)
            _ip("address", "add", f"{self._subnet[254]}/24", "dev", self.link)
        _ip("link", "set", self.link, "up")
        _ip("-n", self.switch, "link", "set", "host", "master", "switch", "up")
        for node in range(1, nodes + 1):
            self._connect(node)

    def _connect(self, node: int) -> None:
        namespace, port = self.namespace(node), f"port{node}"
        _ip("netns", "add", namespace)
        _ip("-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self.switch, "link", "set", port, "master", "switch", "up")
        _ip("-n", namespace, "address", "add", f"{self.address(node)}/24", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        _ip("-n", namespace, "link", "set", "lo", "up")

    def unplug(self, node: int) -> None:
        """Cut a node off from the others and from the host."""
        _ip("-n", self.switch, "link", "set", f"port{node}", "down")

    def plug(self, node: int) -> None:
        """Connect a node again."""
        _ip("-n", self.switch, "link", "set", f"port{node}", "up")

    def down(self) -> None:
        """Remove whatever there is of this network."""
        remove(self._name, self.link)


def remove(name: str, link: str) -> None:
    """Remove the namespaces and the host's cable of the lab of a name; what is not there is no fault."""
    with suppress(subprocess.CalledProcessError):
        _ip("link", "delete", link)
    for namespace in sorted(NAMESPACES.glob(f"{name}-*")):
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "delete", namespace.name)


def _free_subnet() -> ipaddress.IPv4Network:
    # Other labs have their links on this host, and each link has a route.
    routes = json.loads(_ip("-json", "-4", "route", "show"))
    taken = [ipaddress.ip_network(route["dst"]) for route in routes if route["dst"] != "default"]
    for subnet in RANGE.subnets(new_prefix=24):
        if not any(subnet.overlaps(other) for other in taken):
            assert isinstance(subnet, ipaddress.IPv4Network)
            return subnet
    raise RuntimeError(f"No free network is left in {RANGE}.")


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other labs of this machine from choosing a subnet meanwhile."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
