"""Services that are there only while one of their profiles is active."""

from __future__ import annotations

from collections.abc import Iterable

from crane_core.orchestration.stacks.formats.compose.tree import Map

EVERY = "*"


def select(services: Map, active: Iterable[str]) -> None:
    """Leave out each service that has profiles none of which is active."""
    chosen = set(active)
    for key in list(services):
        profiles = services[key].pop("profiles", None)
        if profiles and EVERY not in chosen and chosen.isdisjoint(profiles):
            del services[key]
