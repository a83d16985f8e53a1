"""What a log is made of: lines, and what became of the containers that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from crane_core.logs.lines import Line
from crane_core.logs.origins import Origin

State = Literal["waiting", "running", "following", "ended", "unreachable"]


@dataclass(frozen=True)
class Condition:
    """How it stands with one origin.

    :param state: ``waiting`` for its container to start, ``running`` but not followed, ``following``, ``ended``, or
        ``unreachable``.
    :param reason: Why nothing comes from it.
    :param exit_code: What its container ended with, as far as that is known.
    :param via: Whether its own node is asked, or the managers, which pass on what they are sent.
    """

    state: State
    reason: str = ""
    exit_code: int | None = None
    via: Literal["node", "swarm"] = "node"


# Of msgspec, because there is one for each line: it is made in a tenth of the time, and never looked at for cycles.
class Printed(msgspec.Struct, frozen=True, gc=False):
    """A line of an origin."""

    origin: Origin
    line: Line


class Told(msgspec.Struct, frozen=True):
    """What became of an origin."""

    origin: Origin
    condition: Condition


class Lost(msgspec.Struct, frozen=True):
    """So many lines were not sent, because the reader was too slow for them."""

    count: int


Entry = Printed | Told


def describe_origin(origin: Origin, condition: Condition) -> dict[str, Any]:
    """Return an origin and its state, as answered."""
    return {
        "key": origin.key,
        "name": origin.name,
        "state": condition.state,
        "reason": condition.reason or None,
        "exit_code": condition.exit_code,
        "via": condition.via,
        "service": origin.service or None,
        "stack": origin.stack,
        "task": origin.task or None,
        "node": origin.node or None,
        "container": origin.container or None,
    }


def describe_line(printed: Printed) -> dict[str, Any]:
    """Return a line, as answered."""
    origin, line = printed.origin, printed.line
    return {
        "time": line.stamp,
        "name": origin.name,
        "task": origin.task or None,
        "service": origin.service or None,
        "node": origin.node or None,
        "container": origin.container or None,
        "stream": line.stream,
        "line": line.text,
    }
