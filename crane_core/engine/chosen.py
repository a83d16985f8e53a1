"""Nodes that a request names: by host name, by id, or by the beginning of an id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crane_core.engine.records import Node
from crane_core.engine.snapshot import Snapshot


def choose_nodes(snapshot: Snapshot, names: str | Iterable[str]) -> list[Node]:
    """Return the nodes of some names or ids, by name; all where none is named. Raises ``NotFound``.

    :param names: In one text, they are separated by commas.
    """
    wanted = [name.strip() for name in (names.split(",") if isinstance(names, str) else names) if name.strip()]
    found = {node.id: node for node in (snapshot.get_node(name) for name in wanted)} if wanted else snapshot.nodes
    return sorted(found.values(), key=lambda node: node.name)


def name_nodes(snapshot: Snapshot, query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query that names its nodes as lists do, by their host names.

    :raises NotFound: There is no such node, so that the list would be empty and not say why.
    """
    if not query.get("node"):
        return dict(query)
    names = {node.name for node in snapshot.nodes.values()}
    wanted = [name.strip() for name in query["node"].split(",") if name.strip()]
    return {**query, "node": ",".join(name if name in names else snapshot.get_node(name).name for name in wanted)}
