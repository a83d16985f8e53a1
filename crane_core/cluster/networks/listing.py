"""Lists of networks, and of who is on one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from crane_core.cluster.networks.reading import (
    Located,
    addresses_of,
    aliases_of,
    endpoint_of,
    list_networks,
    services_on,
    target_of,
)
from crane_core.containers import Container, list_containers
from crane_core.containers import target_of as target_of_container
from crane_core.context import Crane
from crane_core.engine.records import Network, Node, Service, Task
from crane_core.engine.snapshot import Snapshot
from crane_core.http import Listing
from crane_core.redaction import redact
from crane_core.security import Target

JSON = dict[str, Any]


def present_network(snapshot: Snapshot, located: Located) -> JSON:
    """Return a network in Docker's shape, and what Crane knows of it beside that."""
    network, node = located.network, located.node
    return {
        **redact(msgspec.to_builtins(network)),
        "id": network.id,
        "name": network.name,
        "stack": network.stack,
        "node": node.name if node else None,
        "node_id": node.id if node else None,
        "encrypted": is_encrypted(network),
        "predefined": located.predefined,
        "subnets": subnets_of(network),
        "services": 0 if node else len(services_on(snapshot, network)),
    }


def is_encrypted(network: Network) -> bool:
    """Tell whether what goes between nodes is encrypted; an option without a value says so too."""
    return (network.Options or {}).get("encrypted", "false").lower() not in ("false", "0")


def subnets_of(network: Network) -> list[str]:
    """Return the ranges of addresses of a network."""
    ranges = (network.IPAM.Config if network.IPAM else None) or ()
    return [each.Subnet for each in ranges if each.Subnet]


def network_listing(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> Listing[Located]:
    """Return the list of networks: those of the Swarm, and those of each node.

    :param nodes: Those that are asked; all unless told otherwise.
    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    networks, stock = list_networks(crane, nodes, patience)
    return Listing(
        version=f"{snapshot.versions['networks']}.{snapshot.versions['services']}.{stock.version}",
        rows=lambda: networks,
        action="network:read",
        target=target_of,
        fields={
            "name": lambda located: located.name,
            "scope": lambda located: located.network.Scope,
            "driver": lambda located: located.network.Driver,
            "stack": lambda located: located.network.stack,
            "node": lambda located: located.node.name if located.node else None,
            "created_at": lambda located: located.network.Created,
            "services": lambda located: len(services_on(snapshot, located.network)),
        },
        present=lambda located: present_network(snapshot, located),
        sources=[*crane.cache.sources(), *stock.sources],
        made_of=lambda located: (located.network, len(services_on(snapshot, located.network))),
    )


def member_listing(crane: Crane, network: Network) -> Listing[Service]:
    """Return the list of the services on a network, each with its tasks there."""
    crane.watcher.note_interest()
    snapshot = crane.cache.snapshot()
    versions = snapshot.versions
    return Listing(
        version=f"{versions['services']}.{versions['tasks']}.{versions['nodes']}.{network.id}",
        rows=lambda: services_on(snapshot, network),
        action="service:read",
        target=_target_of_service,
        fields={"name": lambda service: service.name, "stack": lambda service: service.stack},
        present=lambda service: _present_member(snapshot, service, network),
        sources=crane.cache.sources(),
        made_of=lambda service: (service, snapshot.tasks.get(service.id), snapshot.nodes, network.id),
    )


def _target_of_service(service: Service) -> Target:
    return Target("service", service.name, service.id, service.stack, service.labels)


def _present_member(snapshot: Snapshot, service: Service, network: Network) -> JSON:
    return {
        "id": service.id,
        "name": service.name,
        "stack": service.stack,
        "addresses": list(addresses_of(service, network.id)),
        "aliases": aliases_of(service, network.id),
        "tasks": [
            _present_task(snapshot, service, task, network)
            for task in snapshot.tasks_of(service.id)
            if task.desired_state in ("running", "ready") and not task.ended
        ],
    }


def _present_task(snapshot: Snapshot, service: Service, task: Task, network: Network) -> JSON:
    node = snapshot.nodes.get(task.NodeID)
    return {
        "id": task.id,
        "name": f"{service.name}.{task.place}",
        "node": node.name if node else None,
        "state": task.state,
        "addresses": [
            address.partition("/")[0]
            for attachment in task.NetworksAttachments or ()
            if network.id == attachment.Network.ID
            for address in attachment.Addresses or ()
        ],
    }


def connected_listing(crane: Crane, located: Located, patience: float | None = None) -> Listing[Container]:
    """Return the list of the containers on a network, as the nodes' own Engines tell of them."""
    nodes = None if located.node is None else [located.node]
    containers, stock = list_containers(crane, nodes, patience)
    snapshot = crane.cache.snapshot()
    return Listing(
        version=f"{stock.version}.{snapshot.versions['services']}.{snapshot.versions['tasks']}.{located.id}",
        rows=lambda: _on(containers, located),
        action="container:read",
        target=target_of_container,
        fields={
            "name": lambda container: container.name,
            "node": lambda container: container.node.name,
            "service": lambda container: container.service.name if container.service else None,
        },
        present=lambda container: _present_connected(container, located.network),
        sources=[*crane.cache.sources(), *stock.sources],
    )


def _on(containers: Iterable[Container], located: Located) -> Iterator[Container]:
    return (each for each in containers if endpoint_of(each, located.network) is not None)


def _present_connected(container: Container, network: Network) -> JSON:
    end = endpoint_of(container, network) or {}
    addresses = (end.get("IPAddress"), end.get("GlobalIPv6Address"))
    return {
        "id": container.id,
        "name": container.name,
        "node": container.node.name,
        "service": container.service.name if container.service else None,
        "state": container.state,
        "addresses": [address for address in addresses if address],
    }
