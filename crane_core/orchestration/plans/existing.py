"""What a stack refers to and does not make itself: networks, configs and secrets that must be there.

They are looked for in the copy of the Swarm. What is not in it is asked for by name before it is said to be missing:
it may have been made a moment ago, and an Engine need not list everything that it lets services use.
"""

from __future__ import annotations

from typing import Any

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.data import DataKind
from crane_core.errors import NotFound


def is_network(crane: Crane, snapshot: Snapshot, name: str) -> bool:
    """Return whether there is a network of that name that services of the Swarm can be attached to."""
    if snapshot.network_named(name) is not None:
        return True
    try:
        found = crane.engine.inspect("network", name)
    except NotFound:
        return False
    # The Engine takes the beginning of an id for a name too.
    return found.get("Name") == name and found.get("Scope") == "swarm"


def find_id(crane: Crane, snapshot: Snapshot, kind: DataKind, name: str) -> str | None:
    """Return the id of a config or a secret of that name, None when there is none."""
    known = snapshot.config_named(name) if kind == "config" else snapshot.secret_named(name)
    if known is not None:
        return known.id
    # The filter finds every name that holds the one asked for.
    listed: list[dict[str, Any]] = crane.engine.read_json(f"/{kind}s", filters={"name": [name]}) or []
    return next((str(each["ID"]) for each in listed if (each.get("Spec") or {}).get("Name") == name), None)
