"""The topics of the cluster, sent as they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crane_core.cluster.nodes.routes import node_listing
from crane_core.context import Crane
from crane_core.contributions import Topic
from crane_core.engine.records import Node
from crane_core.http import Listing


def _node(crane: Crane, parameters: Mapping[str, str]) -> Listing[Node]:
    def rows() -> list[Node]:
        found = crane.cache.snapshot().find_node(parameters["name"])
        return [found] if found else []

    return replace(node_listing(crane), rows=rows)


def _key(node: Node) -> str:
    return node.id


TOPICS = (
    Topic(
        "nodes",
        "node:read",
        "All nodes, as `GET /api/v1/nodes` lists them.",
        lambda crane, _: node_listing(crane),
        _key,
    ),
    Topic("nodes/{name}", "node:read", "One node, as `GET /api/v1/nodes/{name}` shows it.", _node, _key),
)
