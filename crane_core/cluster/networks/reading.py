"""Networks wherever they are: those of the Swarm by the live copy, those of each node by what its Engine lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crane_core.containers import Container
from crane_core.context import Crane
from crane_core.engine.inventory import Inventory, Stock
from crane_core.engine.records import Network, Node, Service
from crane_core.engine.snapshot import SHORTEST_BEGINNING, Snapshot
from crane_core.errors import Ambiguous, NotFound
from crane_core.security import Target

# The Engine makes these by itself, and cannot be without them.
PREDEFINED = frozenset({"bridge", "host", "none", "docker_gwbridge"})


@dataclass(frozen=True)
class Located:
    """A network, and the node that it is on; None for one of the Swarm."""

    network: Network
    node: Node | None = None

    @property
    def id(self) -> str:
        """The network's id."""
        return self.network.id

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.name

    @property
    def predefined(self) -> bool:
        """Whether the Engine or the Swarm made it by itself."""
        return self.network.Ingress or (self.node is not None and self.name in PREDEFINED)

    @property
    def place(self) -> str:
        """Its name, and before it the node that it is on."""
        return f"{self.node.name}/{self.name}" if self.node else self.name


def target_of(located: Located) -> Target:
    """Return a network as the target of an action."""
    network, node = located.network, located.node
    return Target("network", network.name, network.id, network.stack, network.labels, node=node.name if node else None)


def networks_of_swarm(snapshot: Snapshot) -> Iterator[Located]:
    """Yield the networks of the Swarm; the copy also has those of the server's own node."""
    return (Located(network) for network in snapshot.networks.values() if network.Scope == "swarm")


def list_networks(
    crane: Crane, nodes: Iterable[Node] | None = None, patience: float | None = None
) -> tuple[list[Located], Stock]:
    """Return the networks of the Swarm and of nodes, of all unless told otherwise; and how fresh each node's are.

    :param patience: How long to wait for nodes that have to be asked, in seconds.
    """
    stock = crane.room(Inventory).read("networks", nodes, patience)
    local = [Located(msgspec.convert(item, Network, strict=False), node) for node, item in stock.items()]
    return [*networks_of_swarm(crane.cache.snapshot()), *local], stock


def find_network(crane: Crane, key: str) -> Located:
    """Find a network by id, name or the beginning of its id; with a node and a slash before it, on that node.

    A network of the Swarm comes before those of nodes.

    :raises NotFound: when there is none; it says which nodes could not be asked.
    :raises Ambiguous: when several answer to it.
    :raises EngineUnavailable: while it is not known which nodes there are.
    """
    crane.cache.snapshot().demand_read()
    where, _, name = key.rpartition("/")
    if not where:
        snapshot = crane.cache.snapshot()
        if found := _choose(name, networks_of_swarm(snapshot)):
            return found
    nodes = [crane.cache.snapshot().get_node(where)] if where else None
    networks, stock = list_networks(crane, nodes)
    found = _choose(name, (each for each in networks if each.node is not None))
    if found is None:
        # It may have been made a moment ago.
        for node, _ in stock.shelves:
            crane.room(Inventory).note_change(node.id, "networks")
        networks, stock = list_networks(crane, nodes)
        found = _choose(name, (each for each in networks if each.node is not None))
    if found is None:
        missing = [str(source["name"]) for source in stock.sources if source["state"] != "fresh"]
        unless = f", unless it is on {' or '.join(missing)}, which cannot be asked" if missing else ""
        raise NotFound(f"There is no network {key}{unless}.")
    return found


def _choose(key: str, networks: Iterable[Located]) -> Located | None:
    if not key:
        return None
    named: list[Located] = []
    begun: list[Located] = []
    for located in networks:
        if located.id == key:
            return located
        if located.name == key:
            named.append(located)
        if located.id.startswith(key) and len(key) >= SHORTEST_BEGINNING:
            begun.append(located)
    found = named or begun
    if len(found) > 1:
        raise Ambiguous(
            f"Several networks answer to {key}",
            (each.place if each.node else each.id for each in found),
            "Write its id, or the node and a slash before its name.",
        )
    return found[0] if found else None


def services_on(snapshot: Snapshot, network: Network) -> list[Service]:
    """Return the services that are on a network, those included that publish ports by it."""
    users = {service.id: service for service in snapshot.users_of(network.id)}
    if network.Ingress:
        for service in snapshot.services.values():
            if any(True for _ in addresses_of(service, network.id)):
                users.setdefault(service.id, service)
    return list(users.values())


def addresses_of(service: Service, network_id: str) -> Iterator[str]:
    """Yield the virtual addresses of a service in a network, without the width of its mask."""
    for virtual in (service.Endpoint.VirtualIPs if service.Endpoint else None) or ():
        if virtual.NetworkID == network_id and virtual.Addr:
            yield virtual.Addr.partition("/")[0]


def aliases_of(service: Service, network_id: str) -> tuple[str, ...]:
    """Return the names, besides its own, that a service answers to in a network."""
    spec = service.spec
    attachments = (*(spec.TaskTemplate.Networks or ()), *(spec.Networks or ()))
    return tuple(alias for each in attachments if each.Target == network_id for alias in each.Aliases or ())


def endpoint_of(container: Container, network: Network) -> Mapping[str, Any] | None:
    """Return a container's end of a network; None where it is not on it."""
    settings = (container.item or {}).get("NetworkSettings") or {}
    ends: Mapping[str, Mapping[str, Any]] = settings.get("Networks") or {}
    for name, end in ends.items():
        # A container that does not run has an end without the id of its network.
        if end.get("NetworkID") == network.id or (not end.get("NetworkID") and name == network.name):
            return end
    return None
