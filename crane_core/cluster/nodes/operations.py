"""Nodes: what each is and has, and what is changed about it. Every change patches the live spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crane_core.cluster.quorum import check_demotion, check_removal
from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.capacity import capacity_of
from crane_core.engine.errors import Outdated
from crane_core.engine.records import Node
from crane_core.events import Event
from crane_core.redaction import hide

JSON = dict[str, Any]

# A node's version also rises when its Engine tells something of itself, which is no reason to refuse a change.
ATTEMPTS = 5


def present_node(snapshot: Snapshot, node: Node) -> JSON:
    """Return a node in Docker's shape, and what Crane knows of it beside that."""
    tasks = snapshot.tasks_on(node.id)
    return {
        **msgspec.to_builtins(node),
        "name": node.name,
        "role": node.role,
        "availability": node.availability,
        "state": node.state,
        "leader": node.leader,
        "address": node.address,
        "engine_version": node.engine_version,
        "tasks_running": sum(task.state == "running" for task in tasks),
        "capacity": capacity_of(node, tasks).to_json(),
    }


def parts_of(snapshot: Snapshot, node: Node) -> tuple[object, ...]:
    """Return what the presentation of a node is made of."""
    tasks = snapshot.tasks_on(node.id)
    running = sum(task.state == "running" for task in tasks)
    return node, running, repr(capacity_of(node, tasks))


@dataclass(frozen=True)
class Wish:
    """What is to become of a node; None leaves it as it is.

    :param labels: Labels to set; those whose value is None are removed, and all others stay.
    """

    labels: Mapping[str, str | None] | None = None
    role: str | None = None
    availability: str | None = None

    def patch(self, spec: Mapping[str, Any]) -> JSON:
        """Return a node's spec as it is to be."""
        patched = dict(spec)
        if self.labels is not None:
            labels = {**(spec.get("Labels") or {}), **self.labels}
            patched["Labels"] = {name: value for name, value in labels.items() if value is not None}
        for member, value in (("Role", self.role), ("Availability", self.availability)):
            if value is not None:
                patched[member] = value
        return patched


def change_node(
    crane: Crane,
    by: str,
    node_id: str,
    wish: Wish,
    match: Callable[[int], bool] | None = None,
    *,
    told: bool = True,
) -> Node:
    """Change a node, and return it as it is then.

    :param by: The name of the identity that asks for it.
    :param match: Tells whether a version is the one that the change was made from; None where any is.
    :param told: Whether it is an event of its own.
    :raises Outdated: when it is not.
    """
    for attempt in range(ATTEMPTS):
        raw = crane.engine.inspect("node", node_id)
        version, before = int(raw["Version"]["Index"]), raw["Spec"]
        node = msgspec.convert(raw, Node)
        if match is not None and not match(version):
            raise Outdated(f"The node {node.name} was changed meanwhile: it is at version {version}. Read it again.")
        spec = wish.patch(before)
        if spec == before:
            return node
        if node.role == "manager" and spec.get("Role") == "worker":
            check_demotion(node, crane.engine.nodes(), own_node(crane))
        try:
            crane.engine.update("node", node.id, version, spec)
        except Outdated:
            if match is not None or attempt == ATTEMPTS - 1:
                raise
            continue
        if told:
            crane.emit(Event("node.updated", node.name, node.id, by=by, detail=_differences(before, spec)))
        break
    return crane.watcher.refresh(nodes=[node_id]).get_node(node_id)


def remove_node(crane: Crane, by: str, node_id: str, force: bool) -> None:
    """Remove a node from the Swarm.

    :param force: Whether it may be up; it does not know then that it has left.
    """
    node = msgspec.convert(crane.engine.inspect("node", node_id), Node)
    check_removal(node, force)
    crane.engine.remove("node", node.id, force=force)
    crane.emit(Event("node.removed", node.name, node.id, by=by, detail={"force": force}))
    crane.watcher.refresh(nodes=[node.id])


def own_node(crane: Crane) -> str:
    """Return the id of the node that this server speaks with."""
    return str((crane.engine.info().get("Swarm") or {}).get("NodeID", ""))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> JSON:
    """Return what a change of a spec changes: each member with its old and new value."""
    told: JSON = {}
    for member in ("Role", "Availability"):
        if before.get(member) != after.get(member):
            told[member.lower()] = {"old": before.get(member), "new": after.get(member)}
    old, new = before.get("Labels") or {}, after.get("Labels") or {}
    labels = {
        name: {"old": hide(name, old.get(name)), "new": hide(name, new.get(name))}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }
    return {**told, "labels": labels} if labels else told
