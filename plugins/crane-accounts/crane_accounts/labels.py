"""Grants that stand on services: labels by which the members of a group may read, change or enter one service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from crane_core.context import Crane

PREFIX = "crane.reserved.permissions."
Letter = Literal["r", "w", "x"]
# What is granted by a label is granted on a service, and on what is known of it.
KINDS = frozenset({"service", "task", "container", "operation", "plan"})
_TRUE = "true"


def label_of(group: str, letter: Letter) -> str:
    """Return the label by which a group is granted something."""
    return f"{PREFIX}{group}.{letter}"


def letters_of(action: str, viewer: frozenset[str], operator: frozenset[str]) -> tuple[Letter, ...]:
    """Return the letters that grant an action: r what a viewer may, w what an operator may, x to enter a container."""
    if action.endswith(":exec"):
        return ("x",)
    # What does not exist yet has no labels but those that whoever makes it would like it to have.
    if action.endswith(":create"):
        return ()
    if action in viewer:
        return ("r", "w", "x")
    return ("w",) if action in operator else ()


def granting(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels that grant something, of all that a service has."""
    return {name: value for name, value in labels.items() if name.startswith(PREFIX)}


def groups_in(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each group that labels grant something to, with the letter that says what."""
    for name, value in labels.items():
        if name.startswith(PREFIX) and value == _TRUE:
            group, _, letter = name.removeprefix(PREFIX).rpartition(".")
            yield group, letter


def is_granted(labels: Mapping[str, str], label: str) -> bool:
    """Tell whether a label grants something."""
    return labels.get(label) == _TRUE


class Labelled:
    """The room of one server that knows what the labels of all services grant."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._known: tuple[object, frozenset[str]] = (None, frozenset())

    def labels(self) -> frozenset[str]:
        """Return every label that grants something on some service."""
        snapshot = self._crane.cache.snapshot()
        version = snapshot.versions["services"]
        known = self._known
        if known[0] != version:
            found = frozenset(
                name
                for service in snapshot.services.values()
                for name, value in service.labels.items()
                if name.startswith(PREFIX) and value == _TRUE
            )
            known = self._known = (version, found)
        return known[1]
