"""The topics of configs and secrets, sent as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from crane_core.cluster.data.listing import data_listing, use_listing
from crane_core.cluster.data.operations import Use
from crane_core.context import Crane
from crane_core.contributions import Topic
from crane_core.engine.data import Data, DataKind, find_data
from crane_core.http import Listing

Parameters = Mapping[str, str]


def topics_of(kind: DataKind) -> Iterator[Topic]:
    """Yield the topics of configs, or of secrets."""
    plural = f"{kind}s"
    route = f"GET /api/v1/{plural}"
    yield Topic(plural, f"{kind}:read", f"All {plural}, as `{route}` lists them.", _all(kind), _id_of)
    one = f"One {kind}, as `{route}/{{name}}` shows it."
    yield Topic(f"{plural}/{{name}}", f"{kind}:read", one, _one(kind), _id_of)
    users = f"The services that use a {kind}, as `{route}/{{name}}/services` lists them."
    yield Topic(f"{plural}/{{name}}/services", f"{kind}:read", users, _users(kind), lambda use: use.service.id)


def _all(kind: DataKind) -> Callable[[Crane, Parameters], Listing[Data]]:
    return lambda crane, _: data_listing(crane, kind)


def _one(kind: DataKind) -> Callable[[Crane, Parameters], Listing[Data]]:
    def listing(crane: Crane, parameters: Parameters) -> Listing[Data]:
        # Found after the version was read: what changes in between comes with the next version once more.
        def rows() -> list[Data]:
            found = find_data(crane.cache.snapshot(), kind, parameters["name"])
            return [found] if found else []

        return replace(data_listing(crane, kind), rows=rows)

    return listing


def _users(kind: DataKind) -> Callable[[Crane, Parameters], Listing[Use]]:
    return lambda crane, parameters: use_listing(crane, kind, parameters["name"])


def _id_of(data: Data) -> str:
    return data.id
