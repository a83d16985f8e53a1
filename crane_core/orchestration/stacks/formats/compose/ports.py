"""Published ports: ``8080:80``, ranges, protocols and the long form."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, Seq

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PROTOCOLS = ("tcp", "udp", "sctp")
_HIGHEST = 65535


def parse(spec: str) -> tuple[list[dict[str, Any]], str | None]:
    """Return what a short form publishes, each as a long form, and the address in it that Swarm ignores.

    Raises ValueError with a sentence.
    """
    addressed, _, protocol = spec.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in _PROTOCOLS:
        raise ValueError(f"`{spec}` names the protocol `{protocol}`; there are tcp, udp and sctp.")
    *before, target = addressed.split(":")
    host = before.pop() if before else ""
    address = ":".join(before)
    if address:
        _check_address(address, spec)
    first, last = _range(target, spec)
    published_first, published_last = _range(host, spec) if host else (0, 0)
    if host and last - first != published_last - published_first and first != last:
        raise ValueError(f"`{spec}` has ranges of different length.")
    if first == last:
        published = range(published_first, published_last + 1)
        found = [(first, port) for port in published]
    else:
        found = [(port, published_first + port - first if host else 0) for port in range(first, last + 1)]
    return [_long(target, port, protocol) for target, port in found], address or None


def _long(target: int, published: int, protocol: str) -> dict[str, Any]:
    port = {"target": target, "protocol": protocol, "mode": "ingress"}
    return port | {"published": published} if published else port


def _range(text: str, spec: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if not match:
        raise ValueError(f"`{spec}` is not a port such as `80`, `8080:80` or `53:53/udp`.")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise ValueError(f"`{spec}` has a range that ends before it begins.")
    if last > _HIGHEST:
        raise ValueError(f"`{spec}` has a port above {_HIGHEST}.")
    return first, last


def _check_address(address: str, spec: str) -> None:
    try:
        ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ValueError(f"`{spec}` has `{address}` where an address would stand.") from error


def canonical(ports: Seq, path: str, problems: Problems) -> Seq:
    """Return the long form of each published port."""
    found = Seq(ports.place)
    for index, (port, place) in enumerate(ports.each()):
        here = f"{path}/{index}"
        if port is None:
            continue
        if isinstance(port, Map):
            _check_long(port, here, problems)
            found.put(port, place)
            continue
        try:
            several, address = parse(str(port))
        except ValueError as error:
            problems.error(here, str(error), place, code="wrong-value")
            continue
        if address:
            problems.warn(here, f"Swarm publishes on every address; `{address}` is ignored.", place, code="ignored")
        for each in several:
            long = Map(each, place)
            if index in ports.filled:
                long.filled.add("published")
            found.put(long, place)
    return found


def _check_long(port: Map, path: str, problems: Problems) -> None:
    for key in ("target", "published"):
        if not 0 <= port.get(key, 0) <= _HIGHEST:
            problems.error_at(
                port, key, path, f"A port is a number from 1 to {_HIGHEST}, not {port[key]}.", code="wrong-value"
            )
    for key, reason in (
        ("host_ip", "Swarm publishes on every address."),
        ("app_protocol", "Swarm knows no such thing."),
    ):
        if key in port:
            problems.warn_at(port, key, path, f"`{key}` is ignored: {reason}", code="ignored")


def engine_ports(ports: Seq) -> list[dict[str, Any]]:
    """Return the published ports as the Engine has them, in the order of their numbers."""
    found = [
        {
            name: port[key]
            for name, key in (
                ("Name", "name"),
                ("Protocol", "protocol"),
                ("TargetPort", "target"),
                ("PublishedPort", "published"),
                ("PublishMode", "mode"),
            )
            if port.get(key)
        }
        for port in ports
    ]
    return sorted(found, key=lambda port: (port.get("PublishedPort", 0), port.get("TargetPort", 0)))


class Published:
    """Finds ports that are published twice in one stack, which the Engine refuses.

    That is an error where the file itself says so. Where variables made it so the file is right and the values may
    still change: that is a warning, and the Engine has the last word.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._taken: dict[tuple[str, int], tuple[str, int, bool]] = {}

    def take(self, service: str, ports: Seq, path: str) -> None:
        """Note the ports of a service; complain about those that are taken."""
        for index, (port, place) in enumerate(ports.each()):
            published, protocol = port.get("published"), port.get("protocol") or "tcp"
            if not published or port.get("mode") == "host":
                continue
            filled = "published" in port.filled
            other, first, other_filled = self._taken.setdefault((protocol, published), (service, index, filled))
            if (other, first) == (service, index):
                continue
            whom = "the same service" if other == service else f"the service `{other}`"
            detail = f"Port {published}/{protocol} is published by {whom} already; a port can be published once."
            tell = self._problems.warn if filled or other_filled else self._problems.error
            tell(f"{path}/{index}", detail, place)
