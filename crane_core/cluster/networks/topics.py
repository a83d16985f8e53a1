"""The topics of networks, sent as they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from crane_core.cluster.networks.listing import member_listing, network_listing
from crane_core.cluster.networks.reading import Located
from crane_core.context import Crane
from crane_core.contributions import Topic
from crane_core.engine.records import Network, Service
from crane_core.http import Listing

Parameters = Mapping[str, str]


def topics() -> Iterator[Topic]:
    """Yield the topics of networks."""
    yield Topic(
        "networks",
        "network:read",
        "All networks, as `GET /api/v1/networks` lists them.",
        lambda crane, _: network_listing(crane, patience=0),
        _key,
    )
    yield Topic(
        "networks/{name}",
        "network:read",
        "One network by its id, as `GET /api/v1/networks/{name}` shows it.",
        _network,
        _key,
    )
    yield Topic(
        "networks/{name}/services",
        "network:read",
        "The services on a network of the Swarm, as `GET /api/v1/networks/{name}/services` lists them.",
        _members,
        lambda service: service.id,
    )


def _network(crane: Crane, parameters: Parameters) -> Listing[Located]:
    listing = network_listing(crane, patience=0)
    return replace(listing, rows=lambda: [each for each in listing.rows() if each.id == parameters["name"]])


def _members(crane: Crane, parameters: Parameters) -> Listing[Service]:
    found = crane.cache.snapshot().find_network(parameters["name"])
    return member_listing(crane, found or Network(parameters["name"]))


def _key(located: Located) -> str:
    # The networks that an Engine makes by itself may have the same id on several nodes.
    return f"{located.node.id}/{located.id}" if located.node else located.id
