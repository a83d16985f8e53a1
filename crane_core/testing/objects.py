"""The requests of the Engine's API that are about nodes, networks, configs and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crane_core.testing.answers import Refusal, Response, answer, invalid, refuse
from crane_core.testing.checks import check_data, check_data_name, check_name
from crane_core.testing.filters import joined, read_filters, with_labels
from crane_core.testing.records import NetworkRecord, NodeRecord, Record, SecretRecord, Shelf, Store

if TYPE_CHECKING:
    from crane_core.testing.orchestrator import Orchestrator

PREDEFINED = ("bridge", "host", "none")
# The networks that each node has by itself, with their drivers.
PREDEFINED_NETWORKS = (("bridge", "bridge"), ("host", "host"), ("none", "null"))
DRIVERS = ("overlay", "bridge", "macvlan", "ipvlan", "host", "null")


class Nodes:
    """List, change and remove nodes."""

    def __init__(self, store: Store, orchestrator: Orchestrator) -> None:
        self._store = store
        self._orchestrator = orchestrator

    def list(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /nodes``."""
        filters = read_filters(params, ("id", "label", "membership", "name", "node.label", "role"))
        found = list(self._store.nodes)
        if names := filters.get("name"):
            found = [node for node in found if node.name.startswith(tuple(names))]
        if ids := filters.get("id"):
            found = [node for node in found if node.id.startswith(tuple(ids))]
        if roles := filters.get("role"):
            found = [node for node in found if node.spec["Role"] in roles]
        return joined(node.encoded() for node in found)

    def inspect(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``GET /nodes/{id}``."""
        return Response(200, self._store.nodes.get(name).encoded())

    def update(self, name: str, params: Mapping[str, str], sent: dict[str, Any]) -> Response:
        """Answer ``POST /nodes/{id}/update``."""
        node = self._store.nodes.get(name)
        availability = str(sent.get("Availability", "active"))
        if availability not in ("active", "pause", "drain"):
            raise Refusal(400, f'invalid Availability: "{availability}"')
        role = str(sent.get("Role", node.spec["Role"]))
        if role not in ("worker", "manager"):
            raise Refusal(400, f'invalid Role: "{role}"')
        check_version(node, params, "node")
        self._set_role(node, role)
        was = node.availability
        node.body["Spec"] = {"Labels": dict(sent.get("Labels") or {}), "Role": role, "Availability": availability}
        self._store.touch(node)
        changed = {"availability.new": availability, "availability.old": was} if was != availability else {}
        self._store.tell("node", "update", node, **changed)
        self._orchestrator.node_changed(node)
        return Response(200)

    def _set_role(self, node: NodeRecord, role: str) -> None:
        """Make a manager of a worker, or a worker of a manager that is not the last; another one leads then."""
        if role == node.spec["Role"]:
            return
        if role == "manager":
            address = f"{node.body['Status']['Addr']}:2377"
            node.body["ManagerStatus"] = {"Leader": False, "Reachability": "reachable", "Addr": address}
            return
        others = [other for other in self._store.nodes if other is not node and other.spec["Role"] == "manager"]
        if not others:
            raise refuse("FailedPrecondition", "attempting to demote the last manager of the swarm", 400)
        if node.body.pop("ManagerStatus")["Leader"]:
            others[0].body["ManagerStatus"]["Leader"] = True
            self._store.touch(others[0])

    def remove(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``DELETE /nodes/{id}``."""
        node = self._store.nodes.get(name)
        if node.spec["Role"] == "manager":
            told = (
                f"node {node.id} is a cluster manager and is a member of the raft cluster. It must be demoted to "
                "worker before removal"
            )
            raise refuse("FailedPrecondition", told, 400)
        if node.ready and params.get("force", "").lower() not in ("1", "true"):
            raise refuse("FailedPrecondition", f"node {node.id} is not down and can't be removed", 400)
        node.body["Status"]["State"] = "down"
        self._orchestrator.node_changed(node)
        for task in list(node.tasks.values()):
            self._orchestrator.forget(task)
        self._store.nodes.drop(node)
        self._store.tell("node", "remove", node)
        return Response(200)


class Networks:
    """List, create and remove networks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /networks``."""
        filters = read_filters(params, ("id", "label", "name", "driver", "scope", "type", "dangling"))
        found = with_labels(self._store.networks, filters)
        if names := filters.get("name"):
            found = [network for network in found if any(name in network.name for name in names)]
        if ids := filters.get("id"):
            found = [network for network in found if network.id.startswith(tuple(ids))]
        for name, member in (("driver", "Driver"), ("scope", "Scope")):
            if wanted := filters.get(name):
                found = [network for network in found if network.body[member] in wanted]
        return joined(network.encoded() for network in found)

    def inspect(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``GET /networks/{id}``."""
        return Response(200, self._store.networks.get(name).encoded())

    def create(self, sent: dict[str, Any]) -> Response:
        """Answer ``POST /networks/create``."""
        name, driver = str(sent.get("Name", "")), str(sent.get("Driver") or "bridge")
        if not name:
            raise Refusal(500, "invalid name: ")
        if driver not in DRIVERS:
            raise Refusal(404, f'plugin "{driver}" not found')
        check_name(name)
        if self._store.networks.named(name):
            raise Refusal(409, f"network with name {name} already exists")
        if sent.get("Ingress") and (
            ingress := next((one for one in self._store.networks if one.body["Ingress"]), None)
        ):
            raise refuse("AlreadyExists", f"ingress network ({ingress.id}) is already present", 409)
        network = self.make(name, driver, sent)
        if network.body["Scope"] == "swarm":
            self._store.tell("network", "create", network)
        return answer({"Id": network.id, "Warning": ""}, 201)

    def make(self, name: str, driver: str, sent: Mapping[str, Any]) -> NetworkRecord:
        """Make a network, with a subnet of its own unless one was asked for."""
        in_swarm = driver == "overlay" or sent.get("Scope") == "swarm"
        number = sum(network.body["Scope"] == "swarm" for network in self._store.networks)
        ipam = sent.get("IPAM") or {}
        base = "10.0" if in_swarm else "172.17"
        config = ipam.get("Config") or [
            {"Subnet": f"{base}.{number % 256}.0/24", "Gateway": f"{base}.{number % 256}.1"}
        ]
        options = dict(sent.get("Options") or {})
        if driver == "overlay":
            options["com.docker.network.driver.overlay.vxlanid_list"] = str(4096 + number)
        network = NetworkRecord(
            {
                "Name": name,
                "Id": self._store.new_id() if in_swarm else self._store.new_id(64, "0123456789abcdef"),
                "Created": self._store.agenda.stamp(),
                "Scope": "swarm" if in_swarm else "local",
                "Driver": driver,
                "EnableIPv6": bool(sent.get("EnableIPv6")),
                "IPAM": {
                    "Driver": ipam.get("Driver") or "default",
                    "Options": ipam.get("Options") or None,
                    "Config": config,
                },
                "Internal": bool(sent.get("Internal")),
                "Attachable": bool(sent.get("Attachable")),
                "Ingress": bool(sent.get("Ingress")),
                "ConfigFrom": {"Network": ""},
                "ConfigOnly": False,
                "Containers": None if in_swarm else {},
                "Options": options,
                "Labels": dict(sent.get("Labels") or {}) or None,
            }
        )
        self._store.networks.put(network)
        return network

    def remove(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``DELETE /networks/{id}``."""
        network = self._store.networks.get(name)
        if network.name in PREDEFINED:
            raise Refusal(403, f"{network.name} is a pre-defined network and cannot be removed")
        for service in self._store.services:
            attached = (service.spec["TaskTemplate"].get("Networks") or []) + (service.spec.get("Networks") or [])
            if any(attachment["Target"] == network.id for attachment in attached):
                raise refuse("FailedPrecondition", f"network {network.id} is in use by service {service.id}", 400)
        self._store.networks.drop(network)
        if network.body["Scope"] == "swarm":
            self._store.tell("network", "remove", network)
        return Response(204)


class Data:
    """List, create, change and remove configs, or secrets."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind

    @property
    def _shelf(self) -> Shelf[Any]:
        return self._store.secrets if self._kind == "secret" else self._store.configs

    def list(self, params: Mapping[str, str]) -> Response:
        """Answer ``GET /configs`` or ``GET /secrets``."""
        filters = read_filters(params, ("id", "label", "name", "names"))
        found: list[Record] = with_labels(self._shelf, filters)
        if names := filters.get("name"):
            found = [record for record in found if record.name.startswith(tuple(names))]
        if names := filters.get("names"):
            found = [record for record in found if record.name in names]
        if ids := filters.get("id"):
            found = [record for record in found if record.id.startswith(tuple(ids))]
        return joined(record.encoded() for record in found)

    def inspect(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``GET /configs/{id}`` or ``GET /secrets/{id}``."""
        return Response(200, self._shelf.get(name).encoded())

    def create(self, sent: dict[str, Any]) -> Response:
        """Answer ``POST /configs/create`` or ``POST /secrets/create``."""
        name, data = str(sent.get("Name", "")), str(sent.get("Data") or "")
        check_data_name(name)
        check_data(self._kind, data)
        if self._shelf.named(name):
            raise refuse("AlreadyExists", f"{self._kind} {name} already exists", 409)
        spec: dict[str, Any] = {"Name": name, "Labels": dict(sent.get("Labels") or {})}
        if sent.get("Templating"):
            spec["Templating"] = sent["Templating"]
        if self._kind == "secret":
            record: Record = SecretRecord({**self._store.meta(), "Spec": spec}, data)
        else:
            record = Record({**self._store.meta(), "Spec": {**spec, "Data": data}})
        self._shelf.put(record)
        self._store.tell(self._kind, "create", record)
        return answer({"ID": record.id}, 201)

    def update(self, name: str, params: Mapping[str, str], sent: dict[str, Any]) -> Response:
        """Answer ``POST /configs/{id}/update`` or ``POST /secrets/{id}/update``.

        What differs is refused before the version is looked at: an update with version 0 tells whether some content is
        the one that is stored, and never changes anything.
        """
        record = self._shelf.get(name)
        data = record.data if isinstance(record, SecretRecord) else record.spec["Data"]
        if sent.get("Name", record.name) != record.name or sent.get("Data") not in (None, "", data):
            raise invalid("only updates to Labels are allowed")
        check_version(record, params, self._kind)
        record.body["Spec"] = {**record.spec, "Labels": dict(sent.get("Labels") or {})}
        self._store.touch(record)
        self._store.tell(self._kind, "update", record)
        return Response(200)

    def remove(self, name: str, params: Mapping[str, str]) -> Response:
        """Answer ``DELETE /configs/{id}`` or ``DELETE /secrets/{id}``."""
        record = self._shelf.get(name)
        member, id_name = ("Secrets", "SecretID") if self._kind == "secret" else ("Configs", "ConfigID")
        users = [
            service.name
            for service in self._store.services
            if any(
                reference.get(id_name) == record.id
                for reference in service.spec["TaskTemplate"]["ContainerSpec"].get(member) or ()
            )
        ]
        if users:
            plural = "service" if len(users) == 1 else "services"
            raise invalid(f"{self._kind} '{record.name}' is in use by the following {plural}: {', '.join(users)}")
        self._shelf.drop(record)
        self._store.tell(self._kind, "remove", record)
        return Response(204)


def check_version(record: Record, params: Mapping[str, str], kind: str) -> None:
    """Refuse a change that was made from another version than the present one."""
    version = params.get("version", "")
    if not version.isdecimal():
        raise Refusal(
            400, f"invalid {kind} version '{version}': strconv.ParseUint: parsing \"{version}\": invalid syntax"
        )
    if int(version) != record.version:
        raise refuse("Unknown", "update out of sequence", 500)


def make_node(store: Store, number: int, *, role: str, labels: Mapping[str, str] | None = None) -> NodeRecord:
    """Make a node like those of a small Linux machine."""
    plugins = [{"Type": "Log", "Name": name} for name in ("json-file", "local", "syslog")]
    plugins += [
        {"Type": "Network", "Name": name} for name in ("bridge", "host", "ipvlan", "macvlan", "null", "overlay")
    ]
    plugins += [{"Type": "Volume", "Name": "local"}]
    body: dict[str, Any] = {
        **store.meta(),
        "Spec": {"Labels": dict(labels or {}), "Role": role, "Availability": "active"},
        "Description": {
            "Hostname": f"node{number}",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 4 * 10**9, "MemoryBytes": 8 * 2**30},
            "Engine": {"EngineVersion": "20.10.24", "Plugins": plugins},
            "TLSInfo": {"TrustRoot": "none", "CertIssuerSubject": "none", "CertIssuerPublicKey": "none"},
        },
        "Status": {"State": "ready", "Addr": f"10.99.{number // 250}.{number % 250}"},
    }
    if role == "manager":
        body["ManagerStatus"] = {"Leader": number == 1, "Reachability": "reachable", "Addr": f"10.99.0.{number}:2377"}
    node = NodeRecord(body)
    store.nodes.put(node)
    return node
