"""One form for everything that a Compose file may write in several ways.

Lists of pairs become mappings, words become lists, short forms long ones, durations nanoseconds, sizes bytes and
processors billionths, so that merging and the conversion to the Engine's JSON know one form only. Whatever cannot be
read is noted and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crane_core.orchestration.stacks.formats.compose import environment, ignored, ports, values, volumes
from crane_core.orchestration.stacks.formats.compose.attachments import Attachments
from crane_core.orchestration.stacks.formats.compose.tree import Map, Problems, Seq, dotted, pointer
from crane_core.orchestration.stacks.formats.compose.volumes import Folders


@dataclass(frozen=True)
class Canon:
    """Writes the parts of one file in their one form.

    :param variables: Those of the sender.
    :param attachments: Where env files come from.
    :param folders: What relative paths start from.
    """

    variables: Mapping[str, str]
    attachments: Attachments
    folders: Folders
    problems: Problems

    def write(self, tree: Map) -> None:
        """Rewrite a file in place."""
        ignored.warn(tree, "", ignored.TOP_LEVEL, self.problems)
        for section in ("services", "networks", "volumes", "configs", "secrets"):
            entries = tree.get(section)
            if not isinstance(entries, Map):
                tree[section] = entries = Map(place=tree.place_of(section))
            for key, entry in entries.items():
                path = pointer(section, key)
                if section == "services":
                    self._service(entry, path)
                else:
                    entries[key] = self._object(entry, entries, key, path, section)

    def _service(self, service: Map, path: str) -> None:
        _drop_nothings(service)
        ignored.warn(service, path, ignored.SERVICE, self.problems)
        ignored.warn_devices(service, path, self.problems)
        self._environment(service, path)
        self._warn_of_hosts(service, path)
        for key, convert in _SERVICE.items():
            self._apply(service, key, path, convert)
        for keys, convert in _DEEP.items():
            *inner, last = keys
            node: Any = service
            for key in inner:
                node = node.get(key) if isinstance(node, Map) else None
            if isinstance(node, Map):
                self._apply(node, last, path + pointer(*inner), convert)
        for key, attachment in service.get("networks", {}).items():
            if isinstance(attachment, Map):
                here = path + pointer("networks", key)
                ignored.warn(attachment, here, ignored.NETWORK, self.problems)
                self._apply(attachment, "driver_opts", here, _texts_by_key)
        if isinstance(service.get("ports"), Seq):
            service["ports"] = ports.canonical(service["ports"], f"{path}/ports", self.problems)
        if isinstance(service.get("volumes"), Seq):
            service["volumes"] = volumes.canonical(service["volumes"], f"{path}/volumes", self.folders, self.problems)

    def _environment(self, service: Map, path: str) -> None:
        found: dict[str, str | None] = {}
        for index, entry in enumerate(_listed(service.pop("env_file", None))):
            long = entry if isinstance(entry, Map) else Map({"path": entry})
            here = f"{path}/env_file/{index}"
            place = service.place_of("env_file")
            content = self.attachments.find(str(long["path"]), here, place, optional=not long.get("required", True))
            if content is None:
                continue
            try:
                found |= environment.fill(environment.parse_env_file(content, self.variables), self.variables)
            except ValueError as error:
                self.problems.error(here, f"The env file `{long['path']}` {error}", place, code="unreadable-file")
        found |= environment.fill(values.pairs(service.get("environment"), empty=None), self.variables)
        if found or isinstance(service.get("environment"), Map):
            service["environment"] = _tagged_as(service.get("environment"), Map(found, service.place_of("environment")))

    def _warn_of_hosts(self, service: Map, path: str) -> None:
        hosts = service.get("extra_hosts")
        for index, (host, place) in enumerate(hosts.each() if isinstance(hosts, Seq) else ()):
            if isinstance(host, str) and "=" not in host and ":" not in host:
                detail = f"`{host}` is ignored; an extra host is `name:address`."
                self.problems.warn(f"{path}/extra_hosts/{index}", detail, place, code="ignored")

    def _object(self, written: Any, entries: Map, key: str, path: str, section: str) -> Map:
        entry = written if isinstance(written, Map) else Map(place=entries.place_of(key))
        for part in ("labels", "driver_opts"):
            self._apply(entry, part, path, _texts_by_key)
        external = entry.get("external")
        if isinstance(external, Map):
            name = external.get("name")
            if name and entry.get("name"):
                self.problems.error_at(
                    entry,
                    "external",
                    path,
                    "`external.name` and `name` both name it; use `name` only.",
                    code="contradiction",
                )
            elif name:
                self.problems.warn_at(
                    entry, "external", path, "`external.name` is an old form of `name`.", code="old-form"
                )
                entry["name"] = name
            entry["external"] = True
        if entry.get("external"):
            entry["name"] = entry.get("name") or key
            for part in ("driver", "driver_opts", "labels") if section == "volumes" else ():
                if entry.get(part):
                    detail = f"An external volume exists already; `{part}` cannot be set for it."
                    self.problems.error_at(entry, part, path, detail, code="contradiction")
        return entry

    def _apply(self, node: Map, key: str, path: str, convert: Callable[[Any], Any]) -> None:
        if node.get(key) is None:
            node.pop(key, None)
            return
        try:
            node[key] = convert(node[key])
        except ValueError as error:
            self.problems.error_at(node, key, path, f"{dotted(path + pointer(key))} {error}", code="wrong-value")
            del node[key]


def _drop_nothings(service: Map) -> None:
    for key in [key for key, value in service.items() if value is None]:
        del service[key]


def _listed(value: Any) -> list[Any]:
    return [] if value is None else [item for item in value if item is not None] if isinstance(value, list) else [value]


def _command(value: Any) -> list[str]:
    return values.words(value) if isinstance(value, str) else _listed(value)


def _texts_by_key(value: Any) -> Map:
    return _tagged_as(value, Map({key: text or "" for key, text in values.pairs(value).items()}))


def _tagged_as(written: Any, mapping: Map) -> Map:
    if isinstance(written, Map):
        mapping.places, mapping.tags = written.places, written.tags
    return mapping


def _test(value: Any) -> list[str]:
    return ["CMD-SHELL", value] if isinstance(value, str) else _listed(value)


def _hosts(value: Any) -> list[str]:
    if isinstance(value, Map):
        pairs = sorted(
            (name, address) for name, address in values.pairs(value, empty=None).items() if address is not None
        )
    else:
        cut = [item.partition("=" if "=" in item else ":") for item in _listed(value)]
        pairs = [(name, address) for name, separator, address in cut if separator]
    return [f"{_bare(address)} {name}" for name, address in pairs]


def _bare(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _networks(value: Any) -> Map:
    return value if isinstance(value, Map) else Map(dict.fromkeys(_listed(value)))


def _references(value: Any) -> list[Map]:
    return [item if isinstance(item, Map) else Map({"source": item}) for item in _listed(value)]


def _ulimits(value: Any) -> Map:
    both = {
        name: limit if isinstance(limit, Map) else Map({"soft": limit, "hard": limit}) for name, limit in value.items()
    }
    return _tagged_as(value, Map(both))


def _platform(value: str) -> dict[str, str]:
    system, slash, architecture = value.partition("/")
    if not slash:
        raise ValueError(f"must be an operating system and an architecture such as `linux/arm64`, not `{value}`.")
    return {"OS": system, "Architecture": architecture.partition("/")[0]}


def _cpus(value: str | float) -> int:
    # Docker takes an empty text, such as that of a variable which is not set, for no limit.
    return 0 if value == "" else values.cpus(value)


def _extends(value: Any) -> Map:
    return value if isinstance(value, Map) else Map({"service": value})


_SERVICE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("labels", "sysctls"), _texts_by_key),
    **dict.fromkeys(("command", "entrypoint"), _command),
    **dict.fromkeys(("dns", "dns_search", "cap_add", "cap_drop", "profiles", "group_add"), _listed),
    **dict.fromkeys(("configs", "secrets"), _references),
    "extends": _extends,
    "extra_hosts": _hosts,
    "networks": _networks,
    "platform": _platform,
    "stop_grace_period": values.duration,
    "ulimits": _ulimits,
}
_DEEP: dict[tuple[str, ...], Callable[[Any], Any]] = {
    **{
        ("deploy", part, key): values.duration
        for part, keys in (
            ("update_config", ("delay", "monitor")),
            ("rollback_config", ("delay", "monitor")),
            ("restart_policy", ("delay", "window")),
        )
        for key in keys
    },
    **{("healthcheck", key): values.duration for key in ("interval", "timeout", "start_period", "start_interval")},
    **{("deploy", "resources", part, "cpus"): _cpus for part in ("limits", "reservations")},
    **{("deploy", "resources", part, "memory"): values.size for part in ("limits", "reservations")},
    ("deploy", "labels"): _texts_by_key,
    ("deploy", "placement", "constraints"): _listed,
    ("healthcheck", "test"): _test,
    ("logging", "options"): _texts_by_key,
}
