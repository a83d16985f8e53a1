"""The networks of one node of an in-memory Swarm, and the ends that its containers have in networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from crane_core.testing.answers import Refusal, Response
from crane_core.testing.node_engine.containers import Containers
from crane_core.testing.objects import PREDEFINED_NETWORKS, Networks
from crane_core.testing.records import NetworkRecord, NodeRecord, Store

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

Tell = Callable[[str, str, str, Mapping[str, str]], None]


class NodeNetworks:
    """List, make, remove and connect networks on one node.

    A manager answers with the Swarm's too, which it keeps; a worker has its own only.
    """

    def __init__(self, swarm: MemorySwarm, node: NodeRecord, containers: Containers, tell: Tell) -> None:
        self._swarm = swarm
        self._node = node
        self._containers = containers
        self._tell = tell
        self._own = Store(swarm.store.agenda, seed=int.from_bytes(node.id.encode()[:6]))
        for name, driver in PREDEFINED_NETWORKS:
            Networks(self._own).make(name, driver, {"IPAM": {"Config": []}})
        self.routes = {
            "GET /networks": lambda names, params, body: self._networks.list(params),
            "GET /networks/*": lambda names, params, body: self._inspect(names[0], params),
            "POST /networks/create": lambda names, params, body: self._create(body),
            "DELETE /networks/*": lambda names, params, body: self._remove(names[0], params),
            "POST /networks/*/connect": lambda names, params, body: self._connect(names[0], body),
            "POST /networks/*/disconnect": lambda names, params, body: self._disconnect(names[0], body),
        }

    @property
    def _store(self) -> Store:
        return self._swarm.store if self._node.spec["Role"] == "manager" else self._own

    @property
    def _networks(self) -> Networks:
        return Networks(self._store)

    def _get(self, name: str) -> NetworkRecord:
        # A worker knows a network of the Swarm by what its tasks are on.
        found = self._store.networks.find(name) or self._swarm.store.networks.find(name)
        if found is None:
            raise Refusal(404, f"network {name} not found")
        return found

    def _inspect(self, name: str, params: Mapping[str, str]) -> Response:
        found = self._get(name)
        ends = {each["Id"]: end for each in self._containers.all() if (end := _end_in(each, found))}
        shown = {id_: {"Name": id_[:12], "IPv4Address": end["IPAddress"]} for id_, end in ends.items()}
        return Response(200, msgspec.json.encode({**found.body, "Containers": shown}))

    def _create(self, body: bytes | None) -> Response:
        sent = _decode(body)
        if self._node.spec["Role"] != "manager" and sent.get("Driver") == "overlay":
            raise Refusal(503, "This node is not a swarm manager. Worker nodes can't be used to modify cluster state.")
        made = self._networks.create(sent)
        self._tell("network", "create", str(_decode(made.body)["Id"]), {"name": str(sent.get("Name"))})
        return made

    def _remove(self, name: str, params: Mapping[str, str]) -> Response:
        found = self._get(name)
        if found.body["Scope"] == "local" and any(_end_in(each, found) for each in self._containers.all()):
            raise Refusal(403, f"error while removing network: network {found.name} id {found.id} has active endpoints")
        removed = self._networks.remove(name, params)
        self._tell("network", "destroy", found.id, {"name": found.name})
        return removed

    def _connect(self, name: str, body: bytes | None) -> Response:
        network, sent = self._get(name), _decode(body)
        container = self._containers.get(str(sent.get("Container", "")))
        if network.body["Scope"] == "swarm" and not network.body["Attachable"]:
            # To connect by hand it is as if there was none of that name.
            raise Refusal(404, f"network {name} not found")
        if _end_in(container, network):
            raise Refusal(403, f"endpoint with name {container['Name'][1:]} already exists in network {network.name}")
        asked = sent.get("EndpointConfig") or {}
        address = (asked.get("IPAMConfig") or {}).get("IPv4Address") or network.next_address().partition("/")[0]
        self._containers.ends.setdefault(container["Id"], {})[network.name] = {
            "NetworkID": network.id,
            "IPAddress": address,
            "GlobalIPv6Address": "",
            "Aliases": [*(asked.get("Aliases") or ()), container["Id"][:12]],
        }
        self._tell("network", "connect", network.id, {"name": network.name, "container": container["Id"]})
        return Response(200)

    def _disconnect(self, name: str, body: bytes | None) -> Response:
        network, sent = self._get(name), _decode(body)
        container = self._containers.get(str(sent.get("Container", "")))
        if self._containers.ends.get(container["Id"], {}).pop(network.name, None) is None:
            raise Refusal(403, f"container {container['Id']} is not connected to network {network.name}")
        self._tell("network", "disconnect", network.id, {"name": network.name, "container": container["Id"]})
        return Response(200)


def _end_in(described: Mapping[str, Any], network: NetworkRecord) -> Mapping[str, Any] | None:
    ends: Mapping[str, Mapping[str, Any]] = described["NetworkSettings"]["Networks"]
    return next((end for end in ends.values() if end["NetworkID"] == network.id), None)


def _decode(body: Any) -> dict[str, Any]:
    try:
        return dict(msgspec.json.decode(body or b"{}"))
    except (msgspec.DecodeError, TypeError, ValueError):
        raise Refusal(400, "invalid JSON") from None
