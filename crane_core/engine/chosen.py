"""Nodes, services and stacks that a request names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from crane_core.engine.records import Node
from crane_core.engine.snapshot import Snapshot
from crane_core.errors import Ambiguous, NotFound


def choose_nodes(snapshot: Snapshot, names: str | Iterable[str]) -> list[Node]:
    """Return the nodes of some host names, ids or beginnings of ids, by name; all where none is named.

    :param names: In one text, they are separated by commas.
    :raises NotFound: when there is no such node.
    """
    wanted = split(names) if isinstance(names, str) else list(names)
    found = {node.id: node for node in (snapshot.get_node(name) for name in wanted)} if wanted else snapshot.nodes
    return sorted(found.values(), key=lambda node: node.name)


def name_nodes(snapshot: Snapshot, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query that names its nodes as lists do, by their host names.

    :raises NotFound: There is no such node, so that the list would be empty and not say why.
    """
    if not query.get("node"):
        return dict(query)
    return {**query, "node": ",".join(_name_node(snapshot, name) for name in split(query["node"]))}


def find_named(snapshot: Snapshot, query: Mapping[str, Any]) -> list[Node] | None:
    """Return the nodes that a query of :func:`name_nodes` names, for who asks only these; None where it names none."""
    names = split(query.get("node") or "")
    return [node for node in snapshot.nodes.values() if node.name in names] if names else None


def _name_node(snapshot: Snapshot, key: str) -> str:
    # Machines that are called alike are in lists by that name, all of them.
    if any(node.name == key for node in snapshot.nodes.values()):
        return key
    # A node that has left is called by its id where tasks still tell of it.
    left = snapshot.find_node(key) is None and snapshot.tasks_on(key)
    return key if left else snapshot.get_node(key).name


def name_known(
    snapshot: Snapshot,
    query: Mapping[str, Any],
    tells: Callable[[str, str], bool],
    is_stack: Callable[[str], bool] = lambda name: False,
) -> dict[str, Any]:
    """Return a query that names its nodes and services as lists do, by their names.

    :param tells: Whether to tell that there is no object of a kind and name; the list is just empty otherwise, as it is
        of an object that whoever asks may not see.
    :param is_stack: Tells of further stacks than those of the Swarm.
    :raises NotFound: There is no such node, service or stack, so that the list would be empty and not say why.
    """
    query = name_nodes(snapshot, query)
    if query.get("service"):
        query["service"] = ",".join(_name_service(snapshot, name, tells) for name in split(query["service"]))
    for name in split(query.get("stack") or ""):
        if not (snapshot.has_stack(name) or is_stack(name)) and tells("stack", name):
            snapshot.demand_read()
            raise NotFound(f"There is no stack {name}.")
    return query


def _name_service(snapshot: Snapshot, key: str, tells: Callable[[str, str], bool]) -> str:
    try:
        return snapshot.get_service(key).name
    except (NotFound, Ambiguous):
        if tells("service", key):
            raise
        return key


def split(names: str) -> list[str]:
    """Return the names of one text, in which they are separated by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]
