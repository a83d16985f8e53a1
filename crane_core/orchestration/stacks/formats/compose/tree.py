"""Mappings and lists that know where in the sender's files they stand, and the list of what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crane_core.errors import Violation
from crane_core.orchestration.stacks.desired import Place

RESET, OVERRIDE = "!reset", "!override"
# Whoever has so much to mend starts with these; a small file must not make a large answer.
MOST_PROBLEMS = 200
LONGEST_DETAIL = 500


class Map(dict[str, Any]):
    """A mapping of a stack file.

    ``place`` is where it begins, ``places`` where each of its keys stands, and ``tags`` the keys that are marked
    ``!reset`` or ``!override`` for merging; a key marked ``!reset`` is only in ``tags``. ``filled`` holds the keys
    whose value came out of variables.
    """

    __slots__ = ("filled", "place", "places", "tags")

    def __init__(self, values: dict[str, Any] | None = None, place: Place | None = None) -> None:
        super().__init__(values or {})
        self.place = place
        self.places: dict[str, Place] = {}
        self.tags: dict[str, str] = {}
        self.filled: set[str | int] = set()

    def place_of(self, key: str | int | None = None) -> Place | None:
        """Return where a key stands; where the mapping begins when it has no such key."""
        return self.places.get(key, self.place) if isinstance(key, str) else self.place

    def put(self, key: str, value: Any, place: Place | None) -> None:
        """Set a key together with its place."""
        self[key] = value
        if place is not None:
            self.places[key] = place


class Seq(list[Any]):
    """A list of a stack file; ``places`` says where each item stands, ``filled`` which came out of variables."""

    __slots__ = ("filled", "place", "places")

    def __init__(self, place: Place | None = None) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place | None] = []
        self.filled: set[str | int] = set()

    def place_of(self, key: str | int | None = None) -> Place | None:
        """Return where an item stands; where the list begins when it has no such item."""
        return self.places[key] if isinstance(key, int) and key < len(self.places) else self.place

    def put(self, value: Any, place: Place | None) -> None:
        """Add an item together with its place."""
        self.append(value)
        self.places.append(place)

    def each(self) -> Iterator[tuple[Any, Place | None]]:
        """Yield each item with its place."""
        yield from zip(self, self.places, strict=True)


Node = Map | Seq


def pointer(*keys: str | int) -> str:
    """Return the JSON pointer of a path of keys."""
    return "".join([f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys])


def dotted(path: str) -> str:
    """Return a JSON pointer as people write it: ``services.web.ports.0``."""
    return ".".join(key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:])


class Problems:
    """Everything that is wrong with the files of one request, and everything worth a warning."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.warnings: list[Violation] = []
        self._wrong: set[str] = set()
        self._warned: set[tuple[str, str]] = set()

    def error(self, path: str, detail: str, place: Place | None = None, *, code: str = "") -> None:
        """Note a violation, unless this or what contains it is known to be wrong already."""
        if self.full or self._inside_wrong(path):
            return
        if path:
            self._wrong.add(path)
        self.violations.append(_violation(path, detail, place, code))

    @property
    def full(self) -> bool:
        """Whether so much is wrong that no more is noted."""
        return len(self.violations) >= MOST_PROBLEMS

    def _inside_wrong(self, path: str) -> bool:
        keys = path.split("/")
        return any("/".join(keys[:length]) in self._wrong for length in range(2, len(keys) + 1))

    def error_at(self, node: Node, key: str | int, path: str, detail: str, *, code: str = "") -> None:
        """Note a violation of one key or item of a node that stands at ``path``."""
        self.error(path + pointer(key), detail, node.place_of(key), code=code)

    def warn(self, path: str, detail: str, place: Place | None = None, *, code: str = "") -> None:
        """Note a warning, once."""
        if (path, detail) not in self._warned and len(self.warnings) < MOST_PROBLEMS:
            self._warned.add((path, detail))
            self.warnings.append(_violation(path, detail, place, code))

    def warn_at(self, node: Node, key: str | int, path: str, detail: str, *, code: str = "") -> None:
        """Note a warning about one key or item of a node that stands at ``path``."""
        self.warn(path + pointer(key), detail, node.place_of(key), code=code)


def _violation(path: str, detail: str, place: Place | None, code: str) -> Violation:
    if len(detail) > LONGEST_DETAIL:
        detail = f"{detail[:LONGEST_DETAIL]} …"
    return Violation(path, detail, place.line if place else None, place.file if place else None, code)


def note_places(node: Any, places: dict[str, Place], path: str = "") -> None:
    """Note the place of everything below a node by its JSON pointer."""
    pairs: Any = ()
    if isinstance(node, Map):
        pairs = ((pointer(key), value, node.places.get(key)) for key, value in node.items())
    elif isinstance(node, Seq):
        pairs = ((f"/{index}", value, place) for index, (value, place) in enumerate(node.each()))
    for step, value, place in pairs:
        below = path + step
        if place is not None:
            places[below] = place
        if isinstance(value, Map | Seq):
            note_places(value, places, below)
