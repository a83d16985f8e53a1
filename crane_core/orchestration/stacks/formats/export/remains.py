"""What is left of a tree when everything that could be expressed has been taken out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Remains:
    """A tree of the Engine's JSON that is emptied part by part."""

    tree: dict[str, Any]

    def take(self, path: str, default: Any = None) -> Any:
        """Take out what stands at a path such as ``EndpointSpec/Mode``; return the default when nothing does."""
        *parents, last = path.split("/")
        inside: Any = self.tree
        for parent in parents:
            inside = inside.get(parent) if isinstance(inside, dict) else None
        if not isinstance(inside, dict) or inside.get(last) is None:
            return default
        return inside.pop(last)

    def left(self) -> Iterator[tuple[str, Any]]:
        """Yield what is still there, by its JSON pointer below the tree."""
        yield from _leaves("", self.tree)


def said(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that say something."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def _leaves(pointer: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", inner)
    elif isinstance(value, list) and value and all(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from _leaves(f"{pointer}/{index}", inner)
    elif value not in (None, "", [], False, 0):
        yield pointer, value
