"""Mounts of live services as volumes of a Compose file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.orchestration.stacks.formats.export.hiding import Hiding, Note
from crane_core.orchestration.stacks.formats.export.naming import JSON, Keys, belongs, own_labels
from crane_core.orchestration.stacks.formats.export.remains import Remains, said
from crane_core.orchestration.stacks.formats.export.writing import escape

# Anything else in a short form could be taken for something that it is not, such as the drive of a Windows path.
_SHORT_NAME = re.compile(r"[a-zA-Z0-9._-]{2,}")
_SHORT_PATH = re.compile(r"/[^:\s]*")


@dataclass
class Mounts:
    """Writes mounts, and the volumes that they name."""

    stack: str
    volumes: Keys
    hiding: Hiding
    note: Note

    def write(self, mount: Mapping[str, Any], at: str) -> Any:
        """Return a volume of a service, in the short form where that says it all."""
        remains = Remains({**mount})
        kind, source, target = remains.take("Type"), remains.take("Source"), remains.take("Target", "")
        read_only = remains.take("ReadOnly", False)
        options: JSON = {}
        if kind == "volume" and source:
            source, options = self._volume(str(source), remains, at)
        elif kind in ("bind", "npipe"):
            options = said({"propagation": remains.take("BindOptions/Propagation")})
        elif kind == "tmpfs":
            bytes_ = remains.take("TmpfsOptions/SizeBytes")
            options = {"size": bytes_} if bytes_ else {}
        elif kind == "image":
            options = said({"subpath": remains.take("ImageOptions/Subpath")})
        consistency = remains.take("Consistency")
        for pointer, value in remains.left():
            self.note(at, f"{pointer} of the live mount at {target} is {value}; a Compose file cannot say that.")
        source_fits = (_SHORT_NAME if kind == "volume" else _SHORT_PATH).fullmatch(str(source or ""))
        short = kind in ("volume", "bind") and source_fits and _SHORT_PATH.fullmatch(target)
        if short and not (options or consistency):
            return escape(f"{source}:{target}{':ro' if read_only else ''}")
        if kind == "volume" and not (source or read_only or options or consistency) and _SHORT_PATH.fullmatch(target):
            return escape(target)
        return escape(
            said(
                {
                    "type": kind,
                    "source": source,
                    "target": target,
                    "read_only": read_only or None,
                    "consistency": consistency,
                    ("bind" if kind == "npipe" else kind): options,
                }
            )
        )

    def _volume(self, name: str, remains: Remains, at: str) -> tuple[str, JSON]:
        """Define the volume of a mount; return its key, and what the mount says beside it."""
        labels = remains.take("VolumeOptions/Labels", {})
        driver = remains.take("VolumeOptions/DriverConfig/Name")
        driver_options = remains.take("VolumeOptions/DriverConfig/Options", {})
        options = said(
            {"nocopy": remains.take("VolumeOptions/NoCopy"), "subpath": remains.take("VolumeOptions/Subpath")}
        )
        definition = said(
            {
                "driver": driver,
                "driver_opts": self.hiding.pairs(driver_options, f"/volumes/{name}/driver_opts", name),
                "labels": self.hiding.pairs(dict(own_labels(labels)), f"/volumes/{name}/labels", name),
            }
        )
        key = self.volumes.find(name)
        if key is None:
            owned = belongs(self.stack, labels) or bool(definition)
            key = self.volumes.own(name, definition) if owned else self.volumes.external(name)
            if owned and not belongs(self.stack, labels):
                self.note(f"/volumes/{key}", "The stack's label is added to the volume when the file is deployed.")
            return key, options
        known = {
            part: value for part, value in self.volumes.definitions[key].items() if part not in ("name", "external")
        }
        if known != definition:
            self.note(
                at, f"Another mount describes the volume {name} in another way; a Compose file describes it once."
            )
        return key, options
