"""What a node's agent measures for the doctor, because no Engine tells it: the room on its disk, and its links.

The agent runs on every node, in the node's own network, and what its files lie on is the disk of the Engine. So its
container is the place to look from; nothing that belongs to anybody else is touched.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crane_core.engine.agent import LABEL
from crane_core.engine.client import Engine
from crane_core.engine.execs import OUTPUT, CannotStart, ContainerNotRunning, Program, execute
from crane_core.errors import NotFound

MEASURING_SECONDS = 8.0
_SCRIPT = """\
df -Pk / | tail -n 1 | sed 's/^/disk /'
for link in /sys/class/net/*; do echo "link ${link##*/} $(cat "$link/mtu")"; done
sed 's/^/route /' /proc/net/route
"""
_PROGRAM = Program(("sh", "-c", _SCRIPT), tty=False)


@dataclass(frozen=True)
class Space:
    """How much of a disk there is, and is free, in bytes."""

    total: int
    free: int


@dataclass(frozen=True)
class Measures:
    """What was measured on a node.

    :param disk: Of what the Engine keeps its images and containers on; None where it could not be measured.
    :param links: The most bytes that a packet may have, by the name of the link.
    :param routes: The networks that are reached through links, IPv4 only.
    """

    disk: Space | None
    links: Mapping[str, int]
    routes: tuple[tuple[ipaddress.IPv4Network, str], ...]

    def largest_packet(self, address: str) -> int | None:
        """Return how many bytes a packet to an address may have where it leaves the node; None if that is unknown."""
        try:
            wanted = ipaddress.IPv4Address(address)
        except ValueError:
            return None
        leading = [(network.prefixlen, link) for network, link in self.routes if wanted in network]
        return self.links.get(max(leading)[1]) if leading else None


def read_measures(engine: Engine) -> Measures | None:
    """Measure on a node; None where no agent runs, or where its image lacks the programs for it."""
    found = engine.read_json("/containers/json", filters={"label": [f"{LABEL}=true"], "status": ["running"]})
    if not found:
        return None
    try:
        return parse_measures(_run(engine, str(found[0]["Id"])))
    except (NotFound, CannotStart, ContainerNotRunning):
        # It is being replaced, or there is no shell in it.
        return None


def _run(engine: Engine, container_id: str) -> str:
    printed, deadline = b"", time.monotonic() + MEASURING_SECONDS
    execution = execute(engine, container_id, _PROGRAM)
    try:
        while pieces := execution.read(max(0.0, deadline - time.monotonic())):
            printed += b"".join(content for stream, content in pieces if stream == OUTPUT)
    finally:
        execution.close()
    return printed.decode(errors="replace")


def parse_measures(printed: str) -> Measures:
    """Read what the script printed. Lines that are nothing of it are passed over."""
    lines = [line.split() for line in printed.splitlines()]
    return Measures(
        next((space for words in lines if words[:1] == ["disk"] for space in _read_space(words[1:])), None),
        {words[1]: int(words[2]) for words in lines if words[:1] == ["link"] and words[2:] and words[2].isdecimal()},
        tuple(route for words in lines if words[:1] == ["route"] for route in _read_route(words[1:])),
    )


def _read_space(words: list[str]) -> Iterator[Space]:
    """Read a line of ``df -Pk``: what it lies on, blocks of 1,024 bytes, those used, those that are to be had."""
    if len(words) >= 4 and words[1].isdecimal() and words[3].isdecimal():
        yield Space(int(words[1]) * 1024, int(words[3]) * 1024)


def _read_route(words: list[str]) -> Iterator[tuple[ipaddress.IPv4Network, str]]:
    """Read a line of the kernel's table: link, network, gateway, flags, three counts, mask; lowest byte first."""
    try:
        network, mask = (bytes.fromhex(words[at])[::-1] for at in (1, 7))
        yield ipaddress.IPv4Network((network, str(ipaddress.IPv4Address(mask)))), words[0]
    except (IndexError, ValueError):
        return
