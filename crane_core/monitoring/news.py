"""News: what the live copy of the Swarm shows to have happened, told as events."""

from __future__ import annotations

from collections.abc import Iterator

from crane_core.context import Crane
from crane_core.engine.records import Node
from crane_core.engine.snapshot import Snapshot
from crane_core.events import Event


class News:
    """The room of one server that watches its copy of the Swarm."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        _, self._subscription = crane.cache.snapshot_and_subscribe(self._tell)

    def close(self) -> None:
        """Watch no more."""
        self._subscription.close()

    def _tell(self, old: Snapshot, new: Snapshot) -> None:
        for event in compare(old, new):
            self._crane.emit(event)


def compare(old: Snapshot, new: Snapshot) -> Iterator[Event]:
    """Yield what happened between two snapshots: to the Engine, and to each node."""
    if old.source.state == "fresh" and new.source.state != "fresh":
        yield Event("engine.lost", new.source.name, detail={"error": new.source.error or ""})
    if old.source.state == "stale" and new.source.state == "fresh":
        yield Event("engine.returned", new.source.name)
    # What the first reading finds has been there before.
    if old.source.state != "never" and old.nodes is not new.nodes:
        yield from _compare_nodes(old, new)


def _compare_nodes(old: Snapshot, new: Snapshot) -> Iterator[Event]:
    for id_ in {**old.nodes, **new.nodes}:
        before, after = old.nodes.get(id_), new.nodes.get(id_)
        if (node := after or before) is not None and _standing(before) != _standing(after):
            yield Event("node.changed", node.name, id_, detail={"old": _standing(before), "new": _standing(after)})


def _standing(node: Node | None) -> dict[str, str] | None:
    """Return what is news about a node, None where there is no such node."""
    if node is None:
        return None
    return {"state": node.state, "availability": node.availability, "role": node.role}
