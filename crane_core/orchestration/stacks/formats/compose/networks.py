"""Networks: those that a stack creates, those that must exist, and how services are attached to them."""

from __future__ import annotations

from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, pointer

DEFAULT = "default"
_DEFAULT_DRIVER = "overlay"
# Networks of the node itself know no aliases.
_PREDEFINED = ("bridge", "host", "none", "default")


class Networks:
    """The networks of a stack. A network that no service uses is not created."""

    def __init__(self, entries: Map, stack: str, problems: Problems) -> None:
        self._entries = entries
        self._stack = stack
        self._problems = problems
        self._used: dict[str, Map] = {}

    def attachments(self, service: str, wanted: Map | None, path: str, node: Map) -> list[dict[str, Any]]:
        """Return how a service is attached to its networks, in the order of their names."""
        found = []
        for key, options in (wanted or {DEFAULT: None}).items():
            if key not in self._entries and key != DEFAULT:
                detail = f"The network `{key}` is not defined below `networks`."
                place = wanted.places.get(key) if wanted is not None else None
                self._problems.error(
                    path + pointer("networks", key), detail, place or node.place_of("networks"), code="not-defined"
                )
                continue
            entry = self._used.setdefault(key, self._entries.get(key) or Map())
            target = self._full_name(key, entry)
            aliases = list((options or {}).get("aliases") or ())
            attachment: dict[str, Any] = {"Target": target}
            if target not in _PREDEFINED:
                aliases.append(service)
            if aliases:
                attachment["Aliases"] = aliases
            if options and options.get("driver_opts"):
                attachment["DriverOpts"] = dict(options["driver_opts"])
            found.append(attachment)
        return sorted(found, key=lambda attachment: str(attachment["Target"]))

    def bodies(self) -> dict[str, dict[str, Any]]:
        """Return what is sent to the Engine to create the networks in use, by full name."""
        return {
            self._full_name(key, entry): self._body(self._full_name(key, entry), entry)
            for key, entry in self._used.items()
            if not entry.get("external")
        }

    def external(self) -> tuple[str, ...]:
        """Return the names of the networks in use that must exist already."""
        return tuple(sorted({str(entry["name"]) for entry in self._used.values() if entry.get("external")}))

    def _full_name(self, key: str, entry: Map) -> str:
        return str(entry.get("name") or f"{self._stack}_{key}")

    def _body(self, name: str, entry: Map) -> dict[str, Any]:
        body: dict[str, Any] = {
            "Name": name,
            "CheckDuplicate": True,
            "Driver": entry.get("driver") or _DEFAULT_DRIVER,
            "Internal": bool(entry.get("internal")),
            "Attachable": bool(entry.get("attachable")),
            "Ingress": False,
            "ConfigOnly": False,
            "Labels": {**entry.get("labels", {}), STACK_LABEL: self._stack},
        }
        if entry.get("driver_opts"):
            body["Options"] = dict(entry["driver_opts"])
        for field, key in (("EnableIPv4", "enable_ipv4"), ("EnableIPv6", "enable_ipv6")):
            if key in entry:
                body[field] = entry[key]
        if ipam := _ipam(entry.get("ipam") or {}):
            body["IPAM"] = ipam
        return body


def _ipam(ipam: dict[str, Any]) -> dict[str, Any]:
    fields = (
        ("Subnet", "subnet"),
        ("IPRange", "ip_range"),
        ("Gateway", "gateway"),
        ("AuxiliaryAddresses", "aux_addresses"),
    )
    pools = [{name: pool[key] for name, key in fields if pool.get(key)} for pool in ipam.get("config") or () if pool]
    options = ipam.get("options")
    found = {"Driver": ipam.get("driver"), "Config": pools, "Options": dict(options) if options else None}
    return {name: value for name, value in found.items() if value}
