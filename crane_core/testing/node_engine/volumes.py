"""The volumes of one node: those that its containers mount, and those that somebody made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from crane_core.testing.answers import Refusal, Response, answer
from crane_core.testing.node_engine.containers import Containers, Tell

if TYPE_CHECKING:
    from crane_core.testing.swarm import MemorySwarm

SIZE = 5_000_000
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")


class Volumes:
    """List, inspect, make and remove volumes."""

    def __init__(self, swarm: MemorySwarm, containers: Containers, tell: Tell) -> None:
        self._swarm = swarm
        self._containers = containers
        self._tell = tell
        self._kept: dict[str, dict[str, Any]] = {}
        self.routes = {
            "GET /volumes": self._list,
            "POST /volumes/create": self._create,
            "GET /volumes/*": self._inspect,
            "DELETE /volumes/*": self._remove,
        }

    def add(self, name: str, **members: Any) -> dict[str, Any]:
        """Add a volume; return it as the list has it."""
        with self._swarm.lock:
            self._kept[name] = {
                "CreatedAt": self._swarm.store.agenda.stamp(),
                "Driver": "local",
                "Labels": None,
                "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
                "Name": name,
                "Options": None,
                "Scope": "local",
                **members,
            }
            self._tell("volume", "create", name, {"driver": "local"})
            return self._kept[name]

    def all(self) -> list[dict[str, Any]]:
        """Return each volume as the list has it."""
        for name in self.used():
            if name not in self._kept:
                self.add(name)
        return list(self._kept.values())

    def used(self) -> dict[str, int]:
        """Return how many containers mount each volume, stopped ones included."""
        counts: dict[str, int] = {}
        for container in self._containers.all():
            for mount in container["Mounts"]:
                if mount["Type"] == "volume" and mount["Name"]:
                    counts[mount["Name"]] = counts.get(mount["Name"], 0) + 1
        return counts

    def get(self, name: str) -> dict[str, Any]:
        """Find a volume by its name. Raises ``Refusal``."""
        asked = unquote(name)
        for volume in self.all():
            if volume["Name"] == asked:
                return volume
        raise Refusal(404, f"get {asked}: no such volume")

    def _list(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        return answer({"Volumes": self.all(), "Warnings": None})

    def _inspect(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        return answer(self.get(names[0]))

    def _create(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        sent = msgspec.json.decode(body or b"{}", type=dict[str, Any])
        name, driver = str(sent.get("Name") or ""), str(sent.get("Driver") or "local")
        if not name:
            name = self._swarm.store.new_id(64, "0123456789abcdef")
        if not _NAME.fullmatch(name):
            raise Refusal(
                400,
                f'create {name}: "{name}" includes invalid characters for a local volume name, only '
                '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
            )
        if driver != "local":
            raise Refusal(404, f'create {name}: error looking up volume plugin {driver}: plugin "{driver}" not found')
        known = next((each for each in self.all() if each["Name"] == name), None)
        if known is None:
            members = {"Labels": sent.get("Labels") or None, "Options": sent.get("DriverOpts") or None}
            known = self.add(name, **members)
        return answer(known, 201)

    def _remove(self, names: list[str], params: Mapping[str, str], body: bytes | None) -> Response:
        volume = self.get(names[0])
        name = volume["Name"]
        for container in self._containers.all():
            if any(mount.get("Name") == name for mount in container["Mounts"]):
                raise Refusal(409, f"remove {name}: volume is in use - [{container['Id']}]")
        del self._kept[name]
        self._tell("volume", "destroy", name, {"driver": "local"})
        return Response(204)
