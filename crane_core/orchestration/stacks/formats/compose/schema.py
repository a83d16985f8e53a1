"""The shape of a Compose file, and what is wrong with one in sentences.

It is the part of the format that a Swarm can do, together with what it cannot: the keys of :mod:`ignored` may hold
anything. Because a keyword of JSON Schema concerns values of its own type only, a value of several types needs no
``oneOf``, and each message is about the thing that is wrong.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from crane_core.orchestration.stacks.formats.compose import ignored, scalars
from crane_core.orchestration.stacks.formats.compose.tree import (
    MOST_PROBLEMS,
    Map,
    Node,
    Problems,
    Seq,
    dotted,
    pointer,
)

Schema = dict[str, Any]

ANY: Schema = {}
TEXT: Schema = {"type": "string"}
TEXT_OR_NUMBER: Schema = {"type": ["string", "number"]}
SWITCH: Schema = {"type": "boolean"}
_LARGEST = 2**63 - 1  # What the Engine can read as a number.
INTEGER: Schema = {"type": "integer", "minimum": -_LARGEST, "maximum": _LARGEST}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": _LARGEST}
NUMBER: Schema = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
NAMES: Schema = {"pattern": "^[a-zA-Z0-9._-]+$"}


def _list(items: Schema, *others: str) -> Schema:
    return {"type": ["array", *others], "items": items}


def _mapping(properties: Schema, *others: str, required: Sequence[str] = (), closed: bool = True) -> Schema:
    schema: Schema = {"type": ["object", *others], "properties": properties, "required": list(required)}
    return schema | {"patternProperties": {"^x-": ANY}, "additionalProperties": False} if closed else schema


def _named(item: Schema) -> Schema:
    return {"type": ["object", "null"], "propertyNames": NAMES, "additionalProperties": item}


def _values(*types: str) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": {"type": list(types)}}


TEXTS = _list(TEXT, "null")
TEXT_OR_TEXTS = _list(TEXT, "string", "null")
OPTIONS = _values("string", "number", "boolean", "null")
PAIRS: Schema = {
    "type": ["object", "array", "null"],
    "items": TEXT,
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
EXTERNAL = _mapping({"name": TEXT}, "boolean", closed=False)

UPDATE = _mapping({
    "parallelism": COUNT, "delay": TEXT, "failure_action": TEXT, "monitor": TEXT, "max_failure_ratio": NUMBER,
    "order": {"type": "string", "enum": ["start-first", "stop-first"]},
}, "null")  # fmt: skip
GENERIC = _mapping({"discrete_resource_spec": _mapping({"kind": TEXT, "value": NUMBER})})
RESOURCES = _mapping({
    "limits": _mapping({"cpus": TEXT_OR_NUMBER, "memory": TEXT_OR_NUMBER, "pids": INTEGER, "devices": ANY}, "null"),
    "reservations": _mapping({
        "cpus": TEXT_OR_NUMBER, "memory": TEXT_OR_NUMBER, "generic_resources": _list(GENERIC), "devices": ANY,
    }, "null"),
}, "null")  # fmt: skip
DEPLOY = _mapping({
    "mode": TEXT, "replicas": COUNT, "labels": PAIRS, "endpoint_mode": TEXT,
    "update_config": UPDATE, "rollback_config": UPDATE, "resources": RESOURCES,
    "restart_policy": _mapping({"condition": TEXT, "delay": TEXT, "max_attempts": COUNT, "window": TEXT}, "null"),
    "placement": _mapping({
        "constraints": TEXTS, "preferences": _list(_mapping({"spread": TEXT})), "max_replicas_per_node": COUNT,
    }, "null"),
}, "null")  # fmt: skip
HEALTHCHECK = _mapping({
    "disable": SWITCH, "interval": TEXT, "retries": NUMBER, "test": _list(TEXT, "string"), "timeout": TEXT,
    "start_period": TEXT, "start_interval": TEXT,
}, "null")  # fmt: skip
REFERENCE = _mapping({
    "source": TEXT, "target": TEXT, "uid": {"type": ["string", "integer"]}, "gid": {"type": ["string", "integer"]},
    "mode": NUMBER,
}, "string", closed=False)  # fmt: skip
PORT = _mapping({
    "name": TEXT, "mode": TEXT, "target": INTEGER, "published": INTEGER, "protocol": TEXT, "host_ip": ANY,
    "app_protocol": ANY,
}, "string", "integer")  # fmt: skip
MOUNT = _mapping({
    "type": TEXT, "source": TEXT, "target": TEXT, "read_only": SWITCH, "consistency": TEXT,
    "bind": _mapping({"propagation": TEXT}, "null", closed=False),
    "volume": _mapping({"nocopy": SWITCH, "subpath": TEXT}, "null", closed=False),
    "tmpfs": _mapping({"size": COUNT | {"type": ["integer", "string"]}}, "null", closed=False),
    "image": _mapping({"subpath": TEXT}, "null", closed=False),
    "cluster": _mapping({}, "null", closed=False),
}, "string", required=["type"])  # fmt: skip
ATTACHMENT = _mapping({"aliases": TEXTS, "driver_opts": OPTIONS} | dict.fromkeys(ignored.NETWORK, ANY), "null")
ULIMIT = _mapping({"soft": INTEGER, "hard": INTEGER}, "integer", required=["soft", "hard"])
ENV_FILE = _mapping({"path": TEXT, "required": SWITCH, "format": TEXT}, "string", required=["path"])
SERVICE = _mapping(dict.fromkeys(ignored.SERVICE, ANY) | {
    "build": ANY, "cap_add": TEXTS, "cap_drop": TEXTS, "command": TEXT_OR_TEXTS, "configs": _list(REFERENCE, "null"),
    "credential_spec": _mapping({"config": TEXT, "file": TEXT, "registry": TEXT}),
    "depends_on": {"type": ["array", "object", "null"]},
    "deploy": DEPLOY, "dns": TEXT_OR_TEXTS, "dns_search": TEXT_OR_TEXTS, "entrypoint": TEXT_OR_TEXTS,
    "env_file": _list(ENV_FILE, "string", "null"), "environment": PAIRS,
    "extends": _mapping({"service": TEXT, "file": TEXT}, "string", required=["service"]),
    "extra_hosts": PAIRS, "group_add": _list(TEXT_OR_NUMBER, "null"), "healthcheck": HEALTHCHECK, "hostname": TEXT,
    "image": TEXT, "init": SWITCH, "isolation": TEXT, "labels": PAIRS,
    "logging": _mapping({"driver": TEXT, "options": OPTIONS}, "null"),
    "networks": {
        "type": ["object", "array", "null"], "items": TEXT, "propertyNames": NAMES, "additionalProperties": ATTACHMENT,
    },
    "oom_score_adj": INTEGER, "platform": TEXT, "ports": _list(PORT, "null"), "profiles": TEXTS, "read_only": SWITCH,
    "restart": TEXT, "secrets": _list(REFERENCE, "null"), "stdin_open": SWITCH, "stop_grace_period": TEXT,
    "stop_signal": TEXT, "sysctls": PAIRS, "tty": SWITCH,
    "ulimits": {"type": ["object", "null"], "additionalProperties": ULIMIT},
    "user": TEXT, "volumes": _list(MOUNT, "null"), "working_dir": TEXT,
})  # fmt: skip
NETWORK = _mapping({
    "name": TEXT, "driver": TEXT, "driver_opts": OPTIONS, "external": EXTERNAL, "internal": SWITCH,
    "attachable": SWITCH, "enable_ipv4": SWITCH, "enable_ipv6": SWITCH, "labels": PAIRS,
    "ipam": _mapping({
        "driver": TEXT, "options": OPTIONS,
        "config": _list(
            _mapping({"subnet": TEXT, "ip_range": TEXT, "gateway": TEXT, "aux_addresses": OPTIONS}), "null"
        ),
    }, "null"),
}, "null")  # fmt: skip
VOLUME = _mapping({"name": TEXT, "driver": TEXT, "driver_opts": OPTIONS, "external": EXTERNAL, "labels": PAIRS}, "null")
CONFIG = _mapping({
    "name": TEXT, "file": TEXT, "environment": TEXT, "content": TEXT, "external": EXTERNAL, "labels": PAIRS,
    "template_driver": TEXT,
})  # fmt: skip
SECRET = _mapping(CONFIG["properties"] | {"driver": TEXT, "driver_opts": OPTIONS})
FILE = _mapping({
    "version": TEXT, "name": TEXT, "services": _named(SERVICE) | {"type": "object"}, "networks": _named(NETWORK),
    "volumes": _named(VOLUME), "secrets": _named(SECRET), "configs": _named(CONFIG),
} | dict.fromkeys(ignored.TOP_LEVEL, ANY))  # fmt: skip

_VALIDATOR = jsonschema_rs.validator_for(FILE)
_WORDS = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false", "array": "a list",
    "object": "a mapping", "null": "nothing",
}  # fmt: skip


def check(tree: Map, problems: Problems) -> None:
    """Note everything that has the wrong shape, and take it out so that the rest can be looked at."""
    for error in list(_VALIDATOR.iter_errors(tree)):
        if problems.full:
            tree.clear()
            return
        path = _keys(tree, error.instance_path)
        kind: Any = error.kind
        if kind.name == "additionalProperties":
            for key in kind.unexpected[:MOST_PROBLEMS]:
                _unknown(tree, [*path, key], error.schema_path, problems)
        elif kind.name == "propertyNames":
            name = kind.value.instance
            detail = f"`{name}` is not a name; use letters, digits, `.`, `_` and `-`, and no spaces."
            _wrong(tree, [*path, name], detail, problems)
        elif kind.name == "required":
            _wrong(tree, path, f"{dotted(pointer(*path))} needs a key `{kind.property}`.", problems)
        else:
            _wrong(tree, path, f"{dotted(pointer(*path))} {_shape(kind, error.instance)}", problems)
    if problems.violations:
        _drop_incomplete(tree)


def _keys(tree: Map, path: Sequence[str | int]) -> list[str | int]:
    # The validator tells of a key that is a number, such as the service `1`, as if it were the number of an item.
    node: Any = tree
    keys: list[str | int] = []
    for step in path:
        key = step
        if isinstance(node, Map) and isinstance(step, int):
            key = next((name for name in node if name.isdecimal() and name.lstrip("0") == str(step or "")), str(step))
        keys.append(key)
        node = node[key] if _has(node, key) else None
    return keys


def _drop_incomplete(tree: Map) -> None:
    # What lost a key that it needs, because that key was wrong, cannot be used either; nobody needs to be told twice.
    for error in list(_VALIDATOR.iter_errors(tree)):
        if error.kind.name == "required":
            _wrong(tree, _keys(tree, error.instance_path), "", Problems())


def _shape(kind: Any, value: Any) -> str:
    if kind.name == "type":
        wanted = " or ".join(_WORDS[name] for name in kind.types if name != "null")
        quotes = "; put it in quotes" if "string" in kind.types and isinstance(value, int | float) else ""
        return f"must be {wanted}, not {_shown(value)}{quotes}."
    if kind.name == "enum":
        return f"must be one of {', '.join(f'`{option}`' for option in kind.options)}, not {_shown(value)}."
    return f"must not be {'less' if kind.name == 'minimum' else 'more'} than {kind.limit}."


def _shown(value: Any) -> str:
    if isinstance(value, dict | list) or value is None:
        return "nothing" if value is None else "a list" if isinstance(value, list) else "a mapping"
    return f"`{scalars.text(value)}`" if isinstance(value, bool | str) else f"the number {scalars.text(value)}"


def _unknown(tree: Map, path: list[str | int], schema_path: Sequence[str | int], problems: Problems) -> None:
    key = str(path[-1])
    schema: Any = FILE
    for step in list(schema_path)[:-1]:
        schema = schema[step]
    known = [name for name in schema.get("properties", ()) if name not in ignored.SERVICE or len(path) == 3]
    where = dotted(pointer(*path[:-1])) or "The file"
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    if not nearest and len(path) == 1:
        hint = " Services stand below `services`." if _looks_like_service(tree.get(key)) else ""
        if key == "include":
            hint = " Send the other files along instead, each with `-c`."
    _wrong(tree, path, f"{where} knows no key `{key}`.{hint}", problems)


def _looks_like_service(value: Any) -> bool:
    return isinstance(value, Map) and ("image" in value or "build" in value)


def _wrong(tree: Map, path: list[str | int], detail: str, problems: Problems) -> None:
    parent: Any = tree
    for key in path[:-1]:
        inside: Any = parent[key] if _has(parent, key) else None
        if not isinstance(inside, Map | Seq):
            break  # What contains it is wrong too and has been taken out.
        parent = inside
    node: Node = parent
    key = path[-1] if path else ""
    problems.error(pointer(*path), detail, node.place_of(key), code="not-compose")
    if not _has(parent, key):
        return
    if isinstance(parent, Seq):
        # The place in the list is kept, as later problems are told by their number.
        parent[int(key)] = None
    elif len(path) == 2 and isinstance(key, str):
        parent[key] = Map(place=parent.place_of(key))
    else:
        del parent[key]


def _has(node: Any, key: str | int) -> bool:
    if isinstance(node, Seq):
        return isinstance(key, int) and key < len(node)
    return isinstance(node, Map) and key in node
