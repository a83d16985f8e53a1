"""What an entry of the feed is, before and after it is given its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from crane_core.errors import Invalid
from crane_core.redaction import redact
from crane_core.security import Target

Source = Literal["crane", "swarm", "node", "task"]
LostCode = Literal["cursor-too-old", "server-restarted", "node-unreachable"]

# The kind of an entry that stands for others that nobody has.
LOST = "events.lost"
MOST_TEXT = 500
MOST_ITEMS = 20
MOST_BYTES = 4096


class UnknownCursor(Invalid):
    """What was sent as a cursor is none that this server gave out."""

    code, title = "unknown-cursor", "There is no such cursor."


@dataclass(frozen=True)
class Draft:
    """Something that happened, before it has its place.

    :param at: When, as RFC 3339 writes it.
    :param kind: ``container.die`` and the like as Engines call it, ``task.<state>``, or one of Crane's own kinds.
    :param target: What it is about, for deciding who may see it.
    :param detail: What else is known; what looks secret in it is hidden.
    """

    at: str
    source: Source
    kind: str
    target: Target
    node: str | None = None
    service: str | None = None
    by: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as it is answered, but for its place."""
        return {
            "at": self.at,
            "source": self.source,
            "kind": self.kind,
            "name": self.name or self.target.name,
            "id": self.target.id,
            "node": self.node,
            "stack": self.target.stack,
            "service": self.service,
            "by": self.by,
            "detail": fit(self.detail),
        }


@dataclass(frozen=True)
class Entry:
    """Something that happened, in its place.

    :param number: Counts up from 1 while a server runs.
    :param cursor: What to ask with for what came after it.
    :param text: All of it as JSON, encoded once for all who read it.
    """

    number: int
    cursor: str
    draft: Draft
    text: msgspec.Raw

    @property
    def target(self) -> Target:
        """What it is about."""
        return self.draft.target

    @property
    def size(self) -> int:
        """How many bytes its text has."""
        return len(memoryview(self.text))

    @classmethod
    def of(cls, draft: Draft, number: int, epoch: str) -> Entry:
        """Give a draft its place."""
        cursor = write_cursor(epoch, number)
        text = msgspec.json.encode({"cursor": cursor, "number": number, **draft.to_json()})
        return cls(number, cursor, draft, msgspec.Raw(text))


def fit(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be kept of a detail: nothing that looks secret, and no more than fits."""
    shown: dict[str, Any] = _cut(redact(dict(detail)))
    if len(msgspec.json.encode(shown)) <= MOST_BYTES:
        return shown
    plain = {key: value for key, value in shown.items() if not isinstance(value, (dict, list))}
    kept = plain if len(msgspec.json.encode(plain)) <= MOST_BYTES else {}
    return {**kept, "shortened": True}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MOST_TEXT else value[: MOST_TEXT - 1] + "…"
    if isinstance(value, Mapping):
        return {str(key): _cut(inner) for key, inner in list(value.items())[:MOST_ITEMS]}
    if isinstance(value, (list, tuple)):
        return [_cut(inner) for inner in value[:MOST_ITEMS]]
    return value


def write_cursor(epoch: str, number: int) -> str:
    """Write a cursor: which run of the server, and which of its entries."""
    return f"{epoch}-{number}"


def read_cursor(text: str) -> tuple[str, int]:
    """Read a cursor. Raises :class:`UnknownCursor`."""
    epoch, dash, number = text.partition("-")
    if (
        not dash
        or not (number.isascii() and number.isdecimal())
        or len(number) > 18
        or not (epoch.isascii() and epoch.isalnum())
    ):
        raise UnknownCursor(f"{text[:40]} is no cursor; take the member cursor of an event, as it was sent.")
    return epoch, int(number)


@dataclass(frozen=True)
class Filter:
    """Which entries somebody wants; None where all will do.

    :param kinds: Whole kinds, or what stands before their dot.
    :param since: Seconds since 1970, as ``until`` is.
    """

    kinds: frozenset[str] | None = None
    names: frozenset[str] | None = None
    stacks: frozenset[str] | None = None
    services: frozenset[str] | None = None
    nodes: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    since: float | None = None
    until: float | None = None

    def wants(self, entry: Entry) -> bool:
        """Tell whether an entry is one of these. That something was lost concerns everybody."""
        draft = entry.draft
        if draft.kind == LOST and draft.node is None:
            return True
        if self.kinds is not None and self.kinds.isdisjoint((draft.kind, draft.kind.partition(".")[0])):
            return False
        chosen = (
            (self.names, draft.name or draft.target.name),
            (self.stacks, draft.target.stack),
            (self.services, draft.service),
            (self.nodes, draft.node),
            (self.sources, draft.source),
        )
        if any(wanted is not None and has not in wanted for wanted, has in chosen):
            return False
        at = to_seconds(draft.at)
        return not ((self.since is not None and at < self.since) or (self.until is not None and at >= self.until))


def to_seconds(at: str) -> float:
    """Return a moment that RFC 3339 writes in seconds since 1970."""
    from crane_core.engine.records import parse_time

    moment = parse_time(at)
    return moment.timestamp() if moment else 0.0
