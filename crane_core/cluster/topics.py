"""The topics of the cluster, sent as they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crane_core.cluster.agent.routes import agent_listing
from crane_core.cluster.containers.routes import container_listing
from crane_core.cluster.engines.routes import engine_listing
from crane_core.cluster.images.routes import image_listing
from crane_core.cluster.nodes.routes import node_listing
from crane_core.cluster.terminal.recordings import Recording
from crane_core.cluster.terminal.routes import recording_listing
from crane_core.cluster.volumes.routes import volume_listing
from crane_core.containers import Container, choose_container
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


def _containers(crane: Crane, parameters: Mapping[str, str]) -> Listing[Container]:
    # It is asked again in a moment: nobody is kept waiting for a node.
    return container_listing(crane, patience=0)


def _container(crane: Crane, parameters: Mapping[str, str]) -> Listing[Container]:
    listing = container_listing(crane, patience=0)
    found = choose_container(parameters["name"], listing.rows())
    return replace(listing, rows=lambda: [found] if found else [])


def _recording(crane: Crane, parameters: Mapping[str, str]) -> Listing[Recording]:
    listing = recording_listing(crane)
    return replace(listing, rows=lambda: [each for each in listing.rows() if each.id == parameters["name"]])


TOPICS = (
    Topic(
        "nodes",
        "node:read",
        "All nodes, as `GET /api/v1/nodes` lists them.",
        lambda crane, _: node_listing(crane),
        _key,
    ),
    Topic("nodes/{name}", "node:read", "One node, as `GET /api/v1/nodes/{name}` shows it.", _node, _key),
    Topic(
        "containers",
        "container:read",
        "The containers of all nodes, as `GET /api/v1/containers` lists them.",
        _containers,
        lambda container: container.id,
    ),
    Topic(
        "containers/{name}",
        "container:read",
        "One container, by its id, as `GET /api/v1/containers` lists it.",
        _container,
        lambda container: container.id,
    ),
    Topic(
        "images",
        "image:read",
        "The images of all nodes, as `GET /api/v1/images` lists them.",
        lambda crane, _: image_listing(crane, patience=0),
        lambda image: f"{image.node.id}/{image.id}",
    ),
    Topic(
        "volumes",
        "volume:read",
        "The volumes of all nodes, as `GET /api/v1/volumes` lists them.",
        lambda crane, _: volume_listing(crane, patience=0),
        lambda volume: volume.key,
    ),
    Topic(
        "engines",
        "engine:read",
        "How the Engine of each node is reached, as `GET /api/v1/engines` lists it.",
        lambda crane, _: engine_listing(crane),
        lambda row: str(row["node_id"]),
    ),
    Topic(
        "terminal-recordings",
        "terminal-recording:read",
        "All recorded terminals, as `GET /api/v1/terminal-recordings` lists them.",
        lambda crane, _: recording_listing(crane),
        lambda recording: recording.id,
    ),
    Topic(
        "terminal-recordings/{name}",
        "terminal-recording:read",
        "One recorded terminal, by its id, as `GET /api/v1/terminal-recordings` lists it.",
        _recording,
        lambda recording: recording.id,
    ),
    Topic(
        "agent",
        "agent:read",
        "The agent, as `GET /api/v1/agent` shows it: a list of one.",
        lambda crane, _: agent_listing(crane),
        lambda _: "agent",
    ),
)
