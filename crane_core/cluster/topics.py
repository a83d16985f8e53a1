"""The topics of the cluster, sent as they change."""

from __future__ import annotations

from crane_core.cluster.nodes.routes import node_listing
from crane_core.contributions import Topic

TOPICS = (
    Topic(
        "nodes",
        "node:read",
        "All nodes, as `GET /api/v1/nodes` lists them.",
        lambda crane, _: node_listing(crane),
        lambda node: str(node.id),
    ),
)
