"""The lab's network: a switch in a namespace of its own, with one cable to each node and one to the host.

A bridge in the host's own namespace would be filtered by the host's FORWARD rules, and nodes could not join each other.
The addresses are from 198.18.0.0/15, which is set aside for tests of networks, so that they meet neither the Swarm's
own pool (10.0.0.0/8) nor anybody's office.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

RANGE = ipaddress.ip_network("198.18.0.0/15")
NAMESPACES = Path("/var/run/netns")
# How far the other address of a node is from its first.
_FURTHER = 100
LINKS = Path("/sys/class/net")
# Of whoever runs tests here; it says who may change the machine's own network.
LOCK = Path(tempfile.gettempdir()) / f"crane-lab-{os.getuid()}.lock"

LOCK_SECONDS = 120.0


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
        self._moved: set[int] = set()

    def address(self, node: int) -> str:
        """Return the address of a node, counted from 1."""
        assert self._subnet is not None, "The network is not up."
        return str(self._subnet[node + (_FURTHER if node in self._moved else 0)])

    def namespace(self, node: int) -> str:
        """Return the name of a node's network namespace."""
        return f"{self._name}-node{node}"

    def up(self, nodes: int) -> None:
        """Lay the cables for a number of nodes."""
        self._moved.clear()
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", self.switch, "link", "set", "switch", "up")
        with _changing():
            self._subnet = _free_subnet()
            _ip("link", "add", self.link, "type", "veth", "peer", "name", "host", "netns", self.switch)
            # An address that it gave itself would come a second later, when nobody is kept waiting any more.
            _ip("link", "set", self.link, "addrgenmode", "none")
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

    def narrow(self, node: int, size: int) -> None:
        """Have a node's link carry packets of so many bytes at the most; 1,500 is the usual."""
        _ip("-n", self.namespace(node), "link", "set", "eth0", "mtu", str(size))

    def move(self, node: int) -> None:
        """Give a node another address, as a lease that ran out would; a second time gives it its first one back."""
        before = self.address(node)
        self._moved ^= {node}
        namespace = self.namespace(node)
        # The other way round the kernel would take the second address away together with the first.
        _ip("-n", namespace, "address", "delete", f"{before}/24", "dev", "eth0")
        _ip("-n", namespace, "address", "add", f"{self.address(node)}/24", "dev", "eth0")

    def has_moved(self, node: int) -> bool:
        """Tell whether a node has another address than at first."""
        return node in self._moved

    def down(self) -> None:
        """Remove whatever there is of this network."""
        remove(self._name, self.link)


def remove(name: str, link: str) -> None:
    """Remove the namespaces and the host's cable of the lab of a name; what is not there is no fault."""
    if (LINKS / link).exists():
        with _changing(), suppress(subprocess.CalledProcessError):
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
def unchanged() -> Iterator[None]:
    """Keep labs from changing the machine's own network meanwhile: Chromium drops what it is loading then."""
    with _lock(fcntl.LOCK_SH):
        yield


@contextmanager
def _changing() -> Iterator[None]:
    """Change the machine's network: alone, and while no browser looks."""
    with _lock(fcntl.LOCK_EX):
        yield


@contextmanager
def _lock(kind: int) -> Iterator[None]:
    with LOCK.open("a") as lock:
        deadline = time.monotonic() + LOCK_SECONDS
        # Who has it for too long is not waited for: a page that fails to load is better than a run that stands still.
        while not _took(lock, kind) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield


def _took(lock: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
