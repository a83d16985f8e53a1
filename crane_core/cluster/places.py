"""Nodes that a request names, and what becomes of those that cannot be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import wait
from functools import partial
from typing import TypeVar

import marshmallow as ma

from crane_core.context import Crane
from crane_core.engine.chosen import choose_nodes as choose_of
from crane_core.engine.client import Engine
from crane_core.engine.inventory import Inventory, ItemKind, Stock
from crane_core.engine.link import NodeUnreachable
from crane_core.engine.pool import Pool, Reply
from crane_core.engine.records import Node
from crane_core.errors import CraneError

Value = TypeVar("Value")


class NodesQuery(ma.Schema):
    """Which nodes."""

    class Meta:
        unknown = ma.RAISE

    node = ma.fields.String(
        load_default="",
        metadata={"description": "Host names or ids, several separated by commas; left out, all nodes."},
    )


def choose_nodes(crane: Crane, names: str | Iterable[str]) -> list[Node]:
    """Return the nodes of some names or ids, by name; all where none is named.

    :raises NotFound: when there is no node of such a name.
    :raises EngineUnavailable: while it is not known which nodes there are.
    """
    snapshot = crane.cache.snapshot()
    snapshot.demand_read()
    return choose_of(snapshot, names)


def read_with_containers(
    crane: Crane, kind: ItemKind, nodes: Iterable[Node] | None, patience: float | None
) -> tuple[Stock, Stock]:
    """Return what nodes list of a kind, and their containers; who does not answer is not waited for twice."""
    inventory, clock = crane.room(Inventory), crane.cache.clock
    chosen = None if nodes is None else list(nodes)
    inventory.read("containers", chosen, patience=0)
    patience = crane.room(Pool).patience if patience is None else patience
    end = clock() + patience
    stock = inventory.read(kind, chosen, patience)
    return stock, inventory.read("containers", chosen, max(0.0, end - clock()))


def ask_nodes(
    crane: Crane, nodes: Iterable[Node], ask: Callable[[Node, Engine], Value], patience: float
) -> list[Reply[Value]]:
    """Ask each node a question of its own, all at the same time; who does not answer in time is named as missing.

    :param patience: Seconds to wait for all of them together.
    """
    pool = crane.room(Pool)
    asked = [(node, pool.submit(pool.link(node.id), partial(ask, node))) for node in nodes]
    wait([future for _, future in asked], patience)
    replies: list[Reply[Value]] = []
    for node, future in asked:
        if not future.done():
            told = f"The Engine of {node.name} did not answer within {patience:g} s; what it was asked may go on."
            replies.append(Reply(node, error=NodeUnreachable(told)))
            continue
        error = future.exception()
        if error is not None and not isinstance(error, CraneError):
            raise error
        replies.append(Reply(node, future.result() if error is None else None, error))
    return replies
