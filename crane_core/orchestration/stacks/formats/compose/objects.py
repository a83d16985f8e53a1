"""Configs and secrets: where their content comes from, and how services refer to them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from crane_core.orchestration.stacks.desired import STACK_LABEL
from crane_core.orchestration.stacks.formats.compose.attachments import Attachments
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, pointer

# What the Engine takes at most, in bytes.
LARGEST = {"configs": 1000 * 1024, "secrets": 500 * 1024}
_DEFAULT_MODE = 0o444
_SOURCES = ("file", "environment", "content", "driver")


class Objects:
    """The configs, or the secrets, of a stack."""

    def __init__(self, section: str, entries: Map, stack: str, problems: Problems) -> None:
        self._section = section
        self._kind = section.removesuffix("s")
        self._entries = entries
        self._stack = stack
        self._problems = problems

    def bodies(self, attachments: Attachments, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return what is sent to the Engine to create them, by full name."""
        found: dict[str, dict[str, Any]] = {}
        for key, entry in self._entries.items():
            if entry.get("external"):
                continue
            path = pointer(self._section, key)
            content = self._content(key, entry, path, attachments, variables)
            if content is None:
                continue
            if len(content) > LARGEST[self._section]:
                size = f"{len(content):,} bytes, and the Engine takes {LARGEST[self._section]:,}"
                self._problems.error(
                    path, f"The content of the {self._kind} `{key}` has {size}.", entry.place, code="too-large"
                )
            body: dict[str, Any] = {
                "Name": self.full_name(key),
                "Labels": {**entry.get("labels", {}), STACK_LABEL: self._stack},
            }
            if content or not entry.get("driver"):
                body["Data"] = base64.b64encode(content).decode()
            if entry.get("driver"):
                driver = {"Name": entry["driver"], "Options": entry.get("driver_opts")}
                body["Driver"] = {name: value for name, value in driver.items() if value}
            if entry.get("template_driver"):
                body["Templating"] = {"Name": entry["template_driver"]}
            found[body["Name"]] = body
        return found

    def _content(
        self, key: str, entry: Map, path: str, attachments: Attachments, variables: Mapping[str, str]
    ) -> bytes | None:
        sources = [source for source in _SOURCES if entry.get(source) or (source == "content" and source in entry)]
        if len(sources) != 1:
            several = " and ".join(f"`{source}`" for source in sources)
            detail = (
                f"has {several}; use one of them."
                if several
                else "needs `file`, `environment`, `content` or `external`."
            )
            code = "contradiction" if several else "incomplete"
            self._problems.error(path, f"The {self._kind} `{key}` {detail}", self._entries.place_of(key), code=code)
            return None
        source = sources[0]
        if source == "driver":
            return b""
        if source == "content":
            return str(entry["content"]).encode()
        if source == "file":
            return attachments.find(entry["file"], f"{path}/file", entry.place_of("file"))
        value = variables.get(entry["environment"])
        if value is None:
            detail = f"The variable `{entry['environment']}`, which holds the {self._kind} `{key}`, is not set."
            self._problems.error(f"{path}/environment", detail, entry.place_of("environment"), code="variable-unset")
            return None
        return value.encode()

    def full_name(self, key: str) -> str:
        """Return the name in the Swarm of a key of the file."""
        return str(self._entries[key].get("name") or f"{self._stack}_{key}")

    def external(self, used: set[str]) -> tuple[str, ...]:
        """Return the names of those in use that must exist already."""
        return tuple(sorted({self.full_name(key) for key in used if self._entries[key].get("external")}))

    def references(self, service: Map, path: str) -> tuple[list[dict[str, Any]], set[str]]:
        """Return what a service mounts of them, by name in the Swarm, and the keys that it refers to."""
        found: list[dict[str, Any]] = []
        used: set[str] = set()
        targets: set[str] = set()
        name = f"{self._kind.capitalize()}Name"
        for index, reference in enumerate(service.get(self._section, ())):
            source = reference.get("source", "")
            if source not in self._entries:
                detail = f"The {self._kind} `{source}` is not defined below `{self._section}`."
                place = reference.place or service.place_of(self._section)
                self._problems.error(f"{path}/{self._section}/{index}", detail, place, code="not-defined")
                continue
            used.add(source)
            target = reference.get("target") or source
            if target in targets:
                detail = (
                    f"Two of the {self._section} of the service are mounted as `{target}`; give one another `target`."
                )
                place = reference.place or service.place_of(self._section)
                self._problems.error(f"{path}/{self._section}/{index}", detail, place, code="twice")
            targets.add(target)
            mode = reference.get("mode")
            file = {
                "Name": target,
                "UID": str(reference.get("uid", "")) or "0",
                "GID": str(reference.get("gid", "")) or "0",
                "Mode": _DEFAULT_MODE if mode is None else int(mode),
            }
            found.append({"File": file, name: self.full_name(source)})
        return sorted(found, key=lambda reference: str(reference[name])), used

    def known(self, key: str) -> bool:
        """Return whether there is such a key."""
        return key in self._entries
