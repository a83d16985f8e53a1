"""Networks: making and removing them, and connecting containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crane_core.cluster.networks.errors import NetworkRefused, NotConnectable, Predefined
from crane_core.cluster.networks.reading import Located, endpoint_of, find_network, services_on
from crane_core.containers import Container, engine_of
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.errors import InUse
from crane_core.engine.inventory import Inventory
from crane_core.engine.pool import Pool
from crane_core.engine.records import STACK_LABEL, Node, Service
from crane_core.errors import EngineUnavailable, NotFound, Violation
from crane_core.events import Event
from crane_core.rules import judge_network
from crane_core.security import Identity, Target, decide

JSON = dict[str, Any]
OVERLAY = "overlay"
# An Engine waits for 20 seconds until the managers have given a container its address.
CHANGE_SECONDS = 60.0


def create(crane: Crane, identity: Identity, wish: Mapping[str, Any]) -> Located:
    """Make a network: of the driver overlay for the whole Swarm, of any other on one node.

    :raises NetworkRefused: when the policy forbids it, or parts of the wish contradict each other.
    :raises NameTaken: when there is one of that name.
    """
    body = make_body(wish)
    stack = body["Labels"].get(STACK_LABEL) or None
    if violations := [*_contradictions(wish), *judge_network(crane, identity, body, stack)]:
        raise NetworkRefused(violations[0].detail, violations=[_at_member(found) for found in violations])
    node = crane.cache.snapshot().get_node(wish["node"]) if wish.get("node") else None
    id_ = _engine_of(crane, node).create("network", body)
    _note_change(crane, id_, node)
    crane.emit(Event("network.created", body["Name"], id_, stack, identity.name, _on(node)))
    try:
        return find_network(crane, f"{node.id}/{id_}" if node else id_)
    except NotFound as error:
        raise EngineUnavailable("The network was made, and could not be read again. Look at the list.") from error


def make_body(wish: Mapping[str, Any]) -> JSON:
    """Return what is sent to the Engine to make a network."""
    options = dict(wish["options"])
    if wish["encrypted"]:
        options["encrypted"] = ""
    body: JSON = {
        "Name": wish["name"],
        "Driver": wish["driver"],
        "Internal": wish["internal"],
        "Attachable": wish["attachable"],
        "EnableIPv6": wish["ipv6"],
        "Options": options,
        "Labels": dict(wish["labels"]),
    }
    if (ranges := wish.get("ipam")) is not None:
        body["IPAM"] = {
            "Driver": ranges["driver"],
            "Options": dict(ranges["options"]),
            "Config": [_write_range(each) for each in ranges["config"]],
        }
    return body


def _write_range(told: Mapping[str, Any]) -> JSON:
    written = {"Subnet": told["subnet"], "IPRange": told.get("ip_range"), "Gateway": told.get("gateway")}
    shown = {name: value for name, value in written.items() if value}
    return {**shown, "AuxiliaryAddresses": dict(told["reserved"])} if told["reserved"] else shown


def _contradictions(wish: Mapping[str, Any]) -> list[Violation]:
    found = []
    overlay = wish["driver"] == OVERLAY
    if wish["ingress"]:
        detail = (
            "Crane makes no ingress network: while it is exchanged, no published port is reached. Remove the old one "
            "and make the new one on a manager: docker network create --ingress --driver overlay ingress."
        )
        found.append(Violation("ingress", detail, code="ingress-network"))
    if overlay and wish.get("node"):
        detail = "A network of the driver overlay is on all nodes. Leave the node out, or choose another driver."
        found.append(Violation("node", detail, code="network-on-all-nodes"))
    if not overlay and not wish.get("node"):
        detail = f"A network of the driver {wish['driver']} is on one node only. Say on which."
        found.append(Violation("node", detail, code="node-missing"))
    if wish["encrypted"] and not overlay:
        detail = "Only networks of the driver overlay can be encrypted."
        found.append(Violation("encrypted", detail, code="not-encryptable"))
    return found


# What the policy calls by Docker's names is called so in a request.
_MEMBERS = {"/Driver": "/driver", "/Ingress": "/ingress", "/ConfigOnly": "/config_only", "/ConfigFrom": "/config_from"}


def _at_member(found: Violation) -> Violation:
    return Violation(_MEMBERS.get(found.pointer, found.pointer), found.detail, code=found.code)


def remove(crane: Crane, identity: Identity, located: Located) -> None:
    """Remove a network that nothing uses.

    :raises Predefined: when the Engine made it by itself.
    :raises InUse: while services or containers use it; it names the services that the caller may see.
    """
    network, node = located.network, located.node
    if located.predefined:
        why = "publishes ports by it" if network.Ingress else "cannot be without it"
        raise Predefined(f"The {'Swarm' if network.Ingress else 'Engine'} {why}, so {network.name} stays.")
    if node is None and (users := services_on(crane.watcher.fresh(), network)):
        raise InUse(f"The network {network.name} is used by {_say_users(crane, identity, users)}.")
    _engine_of(crane, node).remove("network", network.id)
    _note_change(crane, network.id, node)
    crane.emit(Event("network.removed", network.name, network.id, network.stack, identity.name, _on(node)))


def connect(crane: Crane, identity: Identity, located: Located, container: Container, wish: Mapping[str, Any]) -> None:
    """Connect a container to a network, under names and addresses of its own where they are given.

    :raises NotConnectable: when the network is on another node, or only for services.
    """
    network = located.network
    _require_together(located, container)
    if located.node is None and not network.Attachable:
        raise NotConnectable(f"The network {network.name} is for services only: it was not made attachable.")
    if endpoint_of(container, network) is not None:
        raise NotConnectable(f"The container {container.name} is on the network {network.name} already.")
    settings: JSON = {"Aliases": list(wish["aliases"])} if wish["aliases"] else {}
    asked = {"IPv4Address": wish.get("ipv4_address"), "IPv6Address": wish.get("ipv6_address")}
    if addresses := {name: str(value) for name, value in asked.items() if value}:
        settings["IPAMConfig"] = addresses
    body = {"Container": container.id, **({"EndpointConfig": settings} if settings else {})}
    engine_of(crane, container).send("POST", f"/networks/{network.id}/connect", body, timeout=CHANGE_SECONDS)
    _note_connection(crane, identity, located, container, "network.connected")


def disconnect(crane: Crane, identity: Identity, located: Located, container: Container, *, force: bool) -> None:
    """Disconnect a container from a network.

    :param force: Whether it is taken off also where its Engine has lost it.
    :raises NotConnectable: when the network is on another node.
    """
    _require_together(located, container)
    if endpoint_of(container, located.network) is None and not force:
        raise NotConnectable(f"The container {container.name} is not on the network {located.name}.")
    body = {"Container": container.id, "Force": force}
    engine_of(crane, container).send("POST", f"/networks/{located.id}/disconnect", body, timeout=CHANGE_SECONDS)
    _note_connection(crane, identity, located, container, "network.disconnected")


def _require_together(located: Located, container: Container) -> None:
    if located.node is not None and located.node.id != container.node.id:
        raise NotConnectable(
            f"The network {located.name} is on {located.node.name}, and the container {container.name} is on "
            f"{container.node.name}."
        )


def _note_connection(crane: Crane, identity: Identity, located: Located, container: Container, kind: str) -> None:
    crane.room(Inventory).note_change(container.node.id, "containers")
    detail = {"container": container.name, "container_id": container.id, "node": container.node.name}
    network = located.network
    crane.emit(Event(kind, network.name, network.id, network.stack, identity.name, detail))


def _engine_of(crane: Crane, node: Node | None) -> Engine:
    return crane.engine if node is None else crane.room(Pool).get(node.id)


def _note_change(crane: Crane, id_: str, node: Node | None) -> None:
    if node is None:
        crane.watcher.refresh(networks=[id_])
    else:
        crane.room(Inventory).note_change(node.id, "networks")


def _on(node: Node | None) -> JSON:
    return {"node": node.name} if node else {}


def _say_users(crane: Crane, identity: Identity, users: list[Service]) -> str:
    """Say in words which services use something; those that somebody may not see are only counted."""
    seen = []
    for each in users:
        target = Target("service", each.name, each.id, each.stack, each.labels)
        if decide(crane, identity, "service:read", target).allows:
            seen.append(each.name)
    words = sorted(seen)[:5]
    if more := len(users) - len(words):
        other = " more" if words else ""
        words.append(f"{more}{other} service{'' if more == 1 else 's'}{'' if words else ' that you may not see'}")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
