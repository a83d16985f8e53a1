"""What services mount: short and long forms, bind sources resolved as on the sender's machine."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.orchestration.stacks.formats.compose import values
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, Seq, pointer

_PROPAGATIONS = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|[\\/]{2}[^\\/.][^\\/]*[\\/][^\\/.]")
_KINDS = ("volume", "bind", "tmpfs", "npipe", "cluster", "image")
# Which of a mount's own options go with which kind; the long form of a kind that is not theirs is an error.
_OPTIONS = ("bind", "volume", "tmpfs", "cluster", "image")
_HONOURED = {
    "bind": ("propagation",),
    "volume": ("nocopy", "subpath"),
    "tmpfs": ("size",),
    "image": ("subpath",),
    "cluster": (),
}


@dataclass(frozen=True)
class Folders:
    """What paths start from: the working directory and the home of the sender."""

    working_dir: str
    home: str

    def absolute(self, source: str) -> str:
        """Return a bind source as an absolute path; absolute ones, of Windows too, stay as written."""
        if source.startswith("~"):
            source = self.home + source[1:]
        if source.startswith("/") or _WINDOWS_PATH.match(source):
            return source
        return posixpath.normpath(posixpath.join(self.working_dir, source))


def parse(spec: str) -> dict[str, Any]:
    """Return the long form of a short form. Raises ValueError with a sentence."""
    if len(spec) < 3:
        if not spec:
            raise ValueError("A mount must not be empty.")
        return {"type": "volume", "target": spec}
    parts = _split(spec)
    if any(not part for part in parts):
        raise ValueError(f"`{spec}` has nothing between two colons.")
    if len(parts) > 3:
        raise ValueError(f"`{spec}` has too many colons; a mount is `source:target:options`.")
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0]}
    mount: dict[str, Any] = {"type": _kind(parts[0]), "source": parts[0], "target": parts[1]}
    for option in parts[2].split(",") if len(parts) == 3 else ():
        if option in ("ro", "rw"):
            mount["read_only"] = option == "ro"
        elif option == "nocopy":
            mount["volume"] = {"nocopy": True}
        elif option in _PROPAGATIONS:
            mount["bind"] = {"propagation": option}
    return mount


def _split(spec: str) -> list[str]:
    # A single letter before a colon is the drive of a Windows path, wherever it stands.
    parts = [""]
    for character in spec:
        if character == ":" and not (len(parts[-1]) == 1 and parts[-1].isalpha()):
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _kind(source: str) -> str:
    drive = len(source) > 1 and source[0].isalpha() and source[1] == ":"
    return "bind" if source[0] in "./~" or source.startswith("\\\\") or drive else "volume"


def canonical(mounts: Seq, path: str, folders: Folders, problems: Problems) -> Seq:
    """Return the long form of each mount, with absolute bind sources."""
    found = Seq(mounts.place)
    for index, (mount, place) in enumerate(mounts.each()):
        here = f"{path}/{index}"
        if mount is None:
            continue
        if not isinstance(mount, Map):
            try:
                long = Map(parse(mount), place)
            except ValueError as error:
                problems.error(here, str(error), place, code="wrong-value")
                continue
            if long["type"] == "volume" and ":" in long["target"]:
                problems.warn(
                    here, f"`{mount}` is a path with a drive letter for docker, not the volume "
                    f"`{mount[0]}`; give the volume a longer name or use the long form.", place, code="drive-letter",
                )  # fmt: skip
            mount = long
        if _checked(mount, here, problems):
            if mount["type"] == "bind":
                mount["source"] = folders.absolute(mount["source"])
            found.put(mount, place)
    return found


def _checked(mount: Map, path: str, problems: Problems) -> bool:
    kind, source = mount["type"], mount.get("source")
    if kind not in _KINDS:
        problems.error_at(
            mount, "type", path, f"`{kind}` is no type of mount; there are {', '.join(_KINDS)}.", code="wrong-value"
        )
        return False
    if kind == "tmpfs" and source:
        problems.error_at(mount, "source", path, "A tmpfs has no source.", code="contradiction")
    if kind in ("bind", "npipe", "cluster", "image") and not source:
        problems.error(path, f"A mount of type `{kind}` needs a `source`.", mount.place, code="incomplete")
        return False
    allowed = "bind" if kind == "npipe" else kind
    for option in _OPTIONS:
        if option not in mount or mount[option] is None:
            continue
        if option != allowed:
            problems.error_at(
                mount,
                option,
                path,
                f"The options `{option}` do not go with a mount of type `{kind}`.",
                code="contradiction",
            )
        for key in mount[option]:
            if key not in _HONOURED[option] and not key.startswith("x-"):
                detail = f"`{option}.{key}` is ignored, as `docker stack deploy` ignores it."
                problems.warn_at(mount[option], key, path + pointer(option), detail, code="ignored")
    if tmpfs := mount.get("tmpfs"):
        try:
            tmpfs["size"] = values.size(tmpfs.get("size") or 0)
        except ValueError as error:
            problems.error_at(
                tmpfs, "size", path + pointer("tmpfs"), f"The size of a tmpfs {error}", code="wrong-value"
            )
            return False
    return True


class Mounts:
    """Turns mounts into those of the Engine."""

    def __init__(self, stack: str, volumes: Mapping[str, Map], problems: Problems) -> None:
        self._stack = stack
        self._volumes = volumes
        self._problems = problems

    def engine_mounts(self, mounts: Seq, path: str) -> list[dict[str, Any]]:
        """Return the mounts of a service, in the order of the file."""
        return [self._mount(mount, f"{path}/{index}", mounts, index) for index, mount in enumerate(mounts)]

    def _mount(self, mount: Map, path: str, mounts: Seq, index: int) -> dict[str, Any]:
        kind = mount["type"]
        found = {
            name: mount[key]
            for name, key in (
                ("Type", "type"),
                ("Source", "source"),
                ("Target", "target"),
                ("ReadOnly", "read_only"),
                ("Consistency", "consistency"),
            )
            if mount.get(key)
        }
        options = mount.get(kind) or {}
        if kind in ("bind", "npipe") and (propagation := (mount.get("bind") or {}).get("propagation")):
            found["BindOptions"] = {"Propagation": propagation}
        elif kind == "tmpfs" and options.get("size"):
            found["TmpfsOptions"] = {"SizeBytes": options["size"]}
        elif kind == "image" and options.get("subpath"):
            found["ImageOptions"] = {"Subpath": options["subpath"]}
        elif kind in ("volume", "cluster") and mount.get("source"):
            source = mount["source"]
            if kind == "cluster":
                found["ClusterOptions"] = {}
            if source in self._volumes:
                found |= self._volume(mount, self._volumes[source])
            elif not source.startswith("group:"):
                self._problems.error(
                    path,
                    f"The volume `{source}` is not defined below `volumes`.",
                    mounts.place_of(index),
                    code="not-defined",
                )
        return found

    def _volume(self, mount: Map, volume: Map) -> dict[str, Any]:
        named = {"Source": volume.get("name") or f"{self._stack}_{mount['source']}"}
        if mount["type"] == "cluster":
            return named
        own = mount.get("volume") or {}
        options: dict[str, Any] = {}
        if own.get("nocopy"):
            options["NoCopy"] = True
        if own.get("subpath"):
            options["Subpath"] = own["subpath"]
        if not volume.get("external"):
            options["Labels"] = {**volume.get("labels", {}), STACK_LABEL: self._stack}
            if volume.get("driver") or "driver_opts" in volume:
                driver = {"Name": volume.get("driver"), "Options": volume.get("driver_opts")}
                options["DriverConfig"] = {key: value for key, value in driver.items() if value}
        return named | {"VolumeOptions": options}
