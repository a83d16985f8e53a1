"""Published ports that two services want at once, which the Swarm refuses only when the second one is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.engine.records import Service
from crane_core.engine.snapshot import Snapshot

Port = tuple[int, str]


@dataclass(frozen=True)
class Clash:
    """A port that a service asks for and does not get.

    :param index: Which of its ports it is, counted from 0.
    :param within: Whether both who want it are part of the plan.
    """

    service: str
    index: int
    detail: str
    within: bool = False

    @property
    def code(self) -> str:
        """What it is called."""
        return "port-asked-twice" if self.within else "port-taken"


def find_clashes(
    wanted: Mapping[str, Mapping[str, Any]], snapshot: Snapshot, leaving: Collection[str]
) -> Iterator[Clash]:
    """Yield each port that several services want, or that one has which stays as it is.

    :param wanted: The specs to deploy, by name of service.
    :param leaving: The names of services that are removed before.
    """
    taken = {
        port: service.name
        for service in snapshot.services.values()
        if service.name not in wanted and service.name not in leaving
        for port in _published(service)
    }
    claimed: dict[Port, str] = {}
    for name, spec in wanted.items():
        for index, port in _ports_of(spec):
            said = f"The port {port[0]}/{port[1]}"
            if other := taken.get(port):
                yield Clash(name, index, f"{said} is published by the service {other} already.")
            elif port in claimed:
                where = "the same service" if claimed[port] == name else f"the service {claimed[port]}"
                yield Clash(name, index, f"{said} is published by {where} too; only one can have it.", within=True)
            claimed.setdefault(port, name)


def find_holders(
    wanted: Mapping[str, Mapping[str, Any]], snapshot: Snapshot, leaving: Collection[str]
) -> frozenset[str]:
    """Return the names of those leaving services whose ports others want."""
    ports = {port for spec in wanted.values() for _, port in _ports_of(spec)}
    services = (service for service in snapshot.services.values() if service.name in leaving)
    return frozenset(service.name for service in services if not ports.isdisjoint(_published(service)))


def find_releasing(wanted: Mapping[str, Mapping[str, Any]], snapshot: Snapshot) -> frozenset[str]:
    """Return the names of those wanted services that give up a port which another one is to get."""
    asked = {name: {port for _, port in _ports_of(spec)} for name, spec in wanted.items()}
    releasing = set()
    for name, own in asked.items():
        live = snapshot.service_named(name)
        given_up = _published(live) - own if live is not None else set()
        if given_up and any(not given_up.isdisjoint(ports) for other, ports in asked.items() if other != name):
            releasing.add(name)
    return frozenset(releasing)


def _published(service: Service) -> set[Port]:
    """Return the ports that a live service publishes on every node; those of single nodes do not concern others."""
    return {
        (port.PublishedPort, port.Protocol or "tcp")
        for port in service.ports
        if port.PublishedPort and port.PublishMode != "host"
    }


def _ports_of(spec: Mapping[str, Any]) -> Iterator[tuple[int, Port]]:
    for index, port in enumerate((spec.get("EndpointSpec") or {}).get("Ports") or ()):
        if port.get("PublishedPort") and port.get("PublishMode") != "host":
            yield index, (port["PublishedPort"], port.get("Protocol") or "tcp")
