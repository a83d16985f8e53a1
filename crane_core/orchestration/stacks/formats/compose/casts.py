"""Numbers and switches that came as text, out of a variable or out of quotes: ``replicas: "${N}"``."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import Any

from crane_core.orchestration.stacks.formats.compose.tree import Map, Seq

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_SWITCHES = {**dict.fromkeys(("y", "yes", "true", "on"), True), **dict.fromkeys(("n", "no", "false", "off"), False)}


def _integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text) else text


def _number(text: str) -> Any:
    number = float(text) if _FLOAT.fullmatch(text) else inf
    return text if number in (inf, -inf) else number


def _switch(text: str) -> Any:
    return _SWITCHES.get(text.lower(), text)


def _mode(text: str) -> Any:
    # In quotes YAML cannot say that a file's mode is octal, but nobody writes one that is not.
    return int(text, 8) if re.fullmatch(r"0o?[0-7]{1,5}", text) else _integer(text)


_UPDATE = {"parallelism": _integer, "max_failure_ratio": _number}
_PER_SERVICE: dict[str, Any] = {
    "configs": [{"mode": _mode}],
    "secrets": [{"mode": _mode}],
    "healthcheck": {"retries": _integer, "disable": _switch},
    "deploy": {
        "replicas": _integer,
        "update_config": _UPDATE,
        "rollback_config": _UPDATE,
        "restart_policy": {"max_attempts": _integer},
        "placement": {"max_replicas_per_node": _integer},
        "resources": {"limits": {"pids": _integer}},
    },
    "ports": [{"target": _integer, "published": _integer}],
    "ulimits": {"*": {"soft": _integer, "hard": _integer, "": _integer}},
    "init": _switch,
    "oom_score_adj": _integer,
    "read_only": _switch,
    "stdin_open": _switch,
    "tty": _switch,
    "volumes": [{"read_only": _switch, "volume": {"nocopy": _switch}}],
}
_OBJECT = {"external": _switch}
_TABLE: dict[str, Any] = {
    "services": {"*": _PER_SERVICE},
    "networks": {
        "*": {"external": _switch, "internal": _switch, "attachable": _switch, "enable_ipv6": _switch},
    },
    "volumes": {"*": _OBJECT},
    "secrets": {"*": _OBJECT},
    "configs": {"*": _OBJECT},
}


def cast(tree: Map) -> None:
    """Turn text into numbers and switches where those are wanted, in place; other text stays as it is."""
    _cast(tree, _TABLE)


def _cast(node: Any, wanted: Any) -> None:
    if isinstance(node, Seq) and isinstance(wanted, list):
        for item in node:
            _cast(item, wanted[0])
    elif isinstance(node, Map) and isinstance(wanted, dict):
        keys = node if "*" in wanted else wanted.keys() & node.keys()
        for key in keys:
            rule, value = wanted.get("*") or wanted[key], node[key]
            if isinstance(value, str):
                convert: Callable[[str], Any] | None = rule.get("") if isinstance(rule, dict) else rule
                if callable(convert):
                    node[key] = convert(value)
            elif value is not None:
                _cast(value, rule)
