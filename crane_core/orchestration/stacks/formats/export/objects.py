"""Networks, configs and secrets of a live stack as those of a Compose file."""

from __future__ import annotations

import base64
import copy
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from crane_core.orchestration.stacks.formats.export.hiding import Note
from crane_core.orchestration.stacks.formats.export.naming import JSON, Keys, belongs, own_labels, without_version
from crane_core.orchestration.stacks.formats.export.remains import Remains, said
from crane_core.orchestration.stacks.formats.export.writing import escape

# What the Swarm itself writes into a network when it is made, and what nobody has to wish for.
_ASSIGNED_OPTIONS = frozenset({"com.docker.network.driver.overlay.vxlanid_list"})
_DESCRIPTIVE = (
    "Id",
    "ID",
    "Created",
    "Scope",
    "Containers",
    "Peers",
    "Services",
    "EnableIPv4",
    "Name",
    "CheckDuplicate",
)
# The pool that a Swarm takes subnets from unless it was made with another, and the size of each.
_DEFAULT_POOL = ipaddress.IPv4Network("10.0.0.0/8")
_DEFAULT_PREFIX = 24


@dataclass
class Networks:
    """Writes the networks of services, and defines them."""

    stack: str
    keys: Keys
    note: Note
    live: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: str, networks: Sequence[Mapping[str, Any]], note: Note) -> Networks:
        """Take up the live networks, and define those of the stack."""
        found = cls(stack, Keys(stack), note, {})
        found.live = {
            reference: network
            for network in networks
            for reference in (network.get("Id") or network.get("ID"), network.get("Name"))
            if reference
        }
        for network in networks:
            if belongs(stack, network.get("Labels")):
                found.keys.own(str(network["Name"]), _network(network, note))
        return found

    def write(self, service: str, attachments: Sequence[Mapping[str, Any]], at: str) -> Any:
        """Return the networks of a service; nothing where they are what Compose does anyway."""
        if not attachments:
            self.note(f"{at}/networks", "The service is on no network; Compose puts it on the stack's default network.")
            return None
        written: JSON = {}
        for attachment in attachments:
            target = str(attachment.get("Target", ""))
            name = str(self.live.get(target, {}).get("Name", target))
            key = self.keys.find(name) or self.keys.external(name)
            aliases = list(attachment.get("Aliases") or ())
            if service in aliases:
                aliases.remove(service)
            elif name not in ("host", "bridge", "none", "ingress"):
                self.note(
                    f"{at}/networks/{key}", f'Compose adds the name "{service}", under which it is not known now.'
                )
            options = {"aliases": aliases, "driver_opts": attachment.get("DriverOpts")}
            written[key] = escape({part: value for part, value in options.items() if value}) or None
        if written == {"default": None} and "name" not in self.keys.definitions["default"]:
            return None
        return list(written) if all(value is None for value in written.values()) else written

    def definitions(self) -> JSON:
        """Return the networks of the file."""
        return {key: value or {} for key, value in self.keys.definitions.items() if (key, value) != ("default", {})}


@dataclass
class Files:
    """Writes which configs or secrets services use, and defines them."""

    kind: Literal["config", "secret"]
    keys: Keys
    note: Note
    live: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(
        cls, kind: Literal["config", "secret"], stack: str, objects: Sequence[Mapping[str, Any]], note: Note
    ) -> Files:
        """Take up the live objects."""
        return cls(kind, Keys(stack), note, {str(one["Spec"]["Name"]): one["Spec"] for one in objects})

    def key(self, name: str) -> str:
        """Return the key of an object that a service uses."""
        return self.keys.find(name) or self._define(name)

    def _define(self, name: str) -> str:
        spec = self.live.get(name, {})
        owned = belongs(self.keys.stack, spec.get("Labels"))
        if not owned:
            return self.keys.external(name)
        if self.kind == "secret":
            key = self._as_it_is(name)
            self.note(f"/secrets/{key}", f"Nobody can read the content of a secret, so the file uses {name} as it is.")
            return key
        content = _text(str(spec.get("Data") or ""))
        if content is None:
            key = self._as_it_is(name)
            self.note(f"/configs/{key}", f"Its content is no text, so the file uses {name} as it is.")
            return key
        definition: JSON = {"content": escape(content)}
        if labels := own_labels(spec.get("Labels")):
            definition["labels"] = escape(dict(labels))
        if driver := (spec.get("Templating") or {}).get("Name"):
            definition["template_driver"] = driver
        return self.keys.own(name, definition, deployed_as=without_version(name))

    def _as_it_is(self, name: str) -> str:
        """Define an object of the stack as one that exists, under the name that its file would have for it."""
        wanted = without_version(name).removeprefix(f"{self.keys.stack}_")
        return self.keys.give(name, wanted, {"external": True, "name": name})


def _network(network: Mapping[str, Any], note: Note) -> JSON:
    name = str(network["Name"])
    described = {member: value for member, value in network.items() if member not in _DESCRIPTIVE}
    remains = Remains(copy.deepcopy(described))
    driver = remains.take("Driver")
    options = {
        option: value for option, value in remains.take("Options", {}).items() if option not in _ASSIGNED_OPTIONS
    }
    ipam_options, ipam_driver = remains.take("IPAM/Options", {}), remains.take("IPAM/Driver", "default")
    definition = {
        "driver": driver if driver != "overlay" else None,
        "driver_opts": escape(options),
        "attachable": remains.take("Attachable") or None,
        "internal": remains.take("Internal") or None,
        "enable_ipv6": remains.take("EnableIPv6") or None,
        "labels": escape(own_labels(remains.take("Labels"))),
        "ipam": said(
            {
                "driver": ipam_driver if ipam_driver != "default" else None,
                "options": escape(ipam_options),
                "config": _subnets(remains.take("IPAM/Config", [])),
            }
        ),
    }
    for pointer, value in remains.left():
        note(f"/networks/{name}", f"{pointer} of the live network is {value}; a Compose file cannot say that.")
    return said(definition)


def _subnets(configs: Sequence[Mapping[str, Any]]) -> list[JSON]:
    """Return the subnets that somebody chose; one of the Swarm's own choosing is chosen again when it is needed."""
    if all(_is_assigned(config) for config in configs):
        return []
    return [
        said(
            {
                "subnet": config.get("Subnet"),
                "ip_range": config.get("IPRange"),
                "gateway": None if _is_first_address(config) else config.get("Gateway"),
                "aux_addresses": dict(config.get("AuxiliaryAddresses") or {}),
            }
        )
        for config in configs
    ]


def _is_assigned(config: Mapping[str, Any]) -> bool:
    if config.get("IPRange") or config.get("AuxiliaryAddresses") or not _is_first_address(config):
        return False
    subnet = ipaddress.ip_network(str(config.get("Subnet") or ""), strict=False)
    in_pool = isinstance(subnet, ipaddress.IPv4Network) and subnet.subnet_of(_DEFAULT_POOL)
    return in_pool and subnet.prefixlen == _DEFAULT_PREFIX


def _is_first_address(config: Mapping[str, Any]) -> bool:
    try:
        subnet = ipaddress.ip_network(str(config.get("Subnet") or ""), strict=False)
        gateway = ipaddress.ip_address(str(config.get("Gateway") or ""))
    except ValueError:
        return False
    return gateway == subnet.network_address + 1


def _text(data: str) -> str | None:
    """Return the text that base64 stands for, None where it stands for none that a Compose file can hold."""
    try:
        text = base64.b64decode(data, validate=True).decode()
    except ValueError:
        return None
    return text if all(character.isprintable() or character in "\n\t\r" for character in text) else None
