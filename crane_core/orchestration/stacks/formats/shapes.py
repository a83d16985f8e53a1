"""The shapes that JSON may have: types, names of members, and the sentences that say what does not fit.

Docker and the formats of its time take the names of members in any case; a shape gives them back as the Engine writes
them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from crane_core.orchestration.stacks.formats.document import Document, pointer_to

# The largest number that the Engine's 64-bit fields take.
_MAX_INTEGER = 2**63 - 1


class Shape(Protocol):
    """What a value may look like."""

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        """Return the value with its names as the Engine writes them; what does not fit is noted and left out."""


@dataclass(frozen=True)
class Scalar:
    """One value of a type.

    :param called: What the sentence calls it.
    """

    types: tuple[type, ...]
    called: str

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        if isinstance(value, bool) and bool not in self.types:
            fits = False
        else:
            fits = isinstance(value, self.types) and not (isinstance(value, int) and abs(value) > _MAX_INTEGER)
        if not fits:
            document.reject(pointer, f"This must be {self.called}, and it is {_kind(value)}.")
            return None
        return value


TEXT = Scalar((str,), "a text")
WHOLE = Scalar((int,), "a whole number")
NUMBER = Scalar((int, float), "a number")
FLAG = Scalar((bool,), "true or false")


@dataclass(frozen=True)
class Each:
    """A list."""

    of: Shape

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        if not isinstance(value, list):
            document.reject(pointer, f"This must be a list, and it is {_kind(value)}.")
            return []
        return [self.of.take(item, f"{pointer}/{index}", document) for index, item in enumerate(value)]


@dataclass(frozen=True)
class Named:
    """An object whose names are the sender's own, so that their case counts."""

    of: Shape

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        if not isinstance(value, Mapping):
            document.reject(pointer, f"This must be an object, and it is {_kind(value)}.")
            return {}
        return {name: self.of.take(held, pointer_to(pointer, name), document) for name, held in value.items()}


@dataclass(frozen=True)
class Record:
    """An object with certain members; null stands for a member that is not there."""

    members: Mapping[str, Shape]
    lower: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", {name.lower(): name for name in self.members})

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        if not isinstance(value, Mapping):
            document.reject(pointer, f"This must be an object, and it is {_kind(value)}.")
            return {}
        taken: dict[str, Any] = {}
        for written, held in value.items():
            at = pointer_to(pointer, written)
            name = self.lower.get(written.lower())
            if name is None:
                document.reject(at, self._unknown(written))
            elif name in taken:
                document.reject(at, f'"{name}" is given twice, in different cases; say it once.')
            else:
                taken[name] = None if held is None else self.members[name].take(held, at, document)
        return taken

    def _unknown(self, written: str) -> str:
        near = difflib.get_close_matches(written.lower(), self.lower, n=1)
        known = f'do you mean "{self.lower[near[0]]}"?' if near else f"known here: {', '.join(self.members)}."
        return f'"{written}" is not known here; {known}'


@dataclass(frozen=True)
class Either:
    """A text, or something else."""

    other: Shape

    def take(self, value: Any, pointer: str, document: Document) -> Any:
        return value if isinstance(value, str) else self.other.take(value, pointer, document)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"
