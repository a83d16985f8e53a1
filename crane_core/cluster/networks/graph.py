"""The graph of services and networks: who can reach whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crane_core.cluster.networks.listing import is_encrypted, subnets_of
from crane_core.cluster.networks.reading import (
    Located,
    addresses_of,
    aliases_of,
    networks_of_swarm,
    services_on,
    target_of,
)
from crane_core.context import Crane
from crane_core.engine.parts import Port
from crane_core.engine.records import Service
from crane_core.security import Identity, Target, decider

JSON = dict[str, Any]


def make_graph(crane: Crane, identity: Identity) -> JSON:
    """Return the services, the networks of the Swarm and which is on which, as far as somebody may see them."""
    snapshot = crane.cache.snapshot()
    may_see_service = decider(crane, identity, "service:read")
    may_see_network = decider(crane, identity, "network:read")
    networks = sorted(
        (each for each in networks_of_swarm(snapshot) if may_see_network(target_of(each)).allows),
        key=lambda located: located.name,
    )
    services = sorted(
        (each for each in snapshot.services.values() if may_see_service(_target_of(each)).allows),
        key=lambda service: service.name,
    )
    seen = {service.id for service in services}
    edges = [
        _edge(service, located)
        for located in networks
        for service in services_on(snapshot, located.network)
        if service.id in seen
    ]
    return {
        "services": [_service(each) for each in services],
        "networks": [_network(each) for each in networks],
        "edges": sorted(edges, key=lambda edge: (edge["network"], edge["service"])),
    }


def _target_of(service: Service) -> Target:
    return Target("service", service.name, service.id, service.stack, service.labels)


def _service(service: Service) -> JSON:
    return {
        "id": service.id,
        "name": service.name,
        "stack": service.stack,
        "mode": service.mode,
        "tasks_running": service.tasks_running,
        "tasks_desired": service.tasks_desired,
        "ports": list(_write_ports(service.ports)),
    }


def _write_ports(ports: tuple[Port, ...]) -> Iterator[str]:
    return (f"{port.PublishedPort}:{port.TargetPort}/{port.Protocol}" for port in ports if port.PublishedPort)


def _network(located: Located) -> JSON:
    network = located.network
    return {
        "id": network.id,
        "name": network.name,
        "stack": network.stack,
        "driver": network.Driver,
        "internal": network.Internal,
        "attachable": network.Attachable,
        "encrypted": is_encrypted(network),
        "ingress": network.Ingress,
        "subnets": subnets_of(network),
    }


def _edge(service: Service, located: Located) -> JSON:
    return {
        "service": service.id,
        "network": located.id,
        "addresses": list(addresses_of(service, located.id)),
        "aliases": aliases_of(service, located.id),
    }
