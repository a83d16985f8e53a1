"""Entries: what happened, before it has its place in the timeline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from crane_core.auditing import Answered
from crane_core.events import EVENT_KINDS, Event
from crane_core.redaction import hide_inside, redact

# The longest detail that is kept, in characters; beyond it the fields of changes are left out.
LONGEST_DETAIL = 256 * 1024
# What the first line of all follows.
BEGINNING = "0" * 64
# As long as the columns of the table are.
_LONGEST = {
    "kind": 100,
    "what": 200,
    "target": 50,
    "name": 255,
    "object_id": 100,
    "stack": 100,
    "by": 200,
    "by_kind": 20,
    "address": 100,
    "outcome": 100,
    "operation": 50,
}


@dataclass(frozen=True)
class Entry:
    """What happened, and to what; the columns of :class:`~crane_history.timeline.models.Line` have the meanings.

    :param detail: As canonical JSON.
    """

    kind: str
    at: datetime
    what: str = ""
    target: str = ""
    name: str = ""
    object_id: str = ""
    stack: str | None = None
    by: str = ""
    by_kind: str = ""
    address: str = ""
    outcome: str = ""
    operation: str = ""
    detail: str = "{}"

    def __post_init__(self) -> None:
        for member, most in _LONGEST.items():
            if (value := getattr(self, member)) is not None:
                object.__setattr__(self, member, _clean(str(value), most))

    @classmethod
    def from_event(cls, event: Event) -> Entry:
        """Return what the timeline keeps of an event."""
        detail = event.detail
        kind = event.kind.partition(".")[0]
        return cls(
            kind=event.kind,
            at=event.at,
            what=str(detail.get("action") or (detail.get("kind", "") if kind in ("operation", "stack") else "")),
            # A refusal is about the object that somebody was kept from.
            target=str(detail.get("kind", kind)) if event.kind == "access.denied" else kind,
            name=event.name,
            object_id=event.id,
            stack=event.stack,
            by=event.by,
            outcome=str(detail.get("outcome", "")),
            operation=str(detail.get("operation", "")),
            # Events of the core hide their secrets themselves; those of plugins are looked through whole.
            detail=write_detail(_hide(detail) if event.kind in EVENT_KINDS else redact(detail)),
        )

    @classmethod
    def from_request(cls, answered: Answered) -> Entry:
        """Return what the timeline keeps of a request."""
        target = answered.target
        return cls(
            kind="request.refused" if answered.status >= 400 else "request.answered",
            at=answered.at,
            what=f"{answered.method} {answered.route}",
            target=target.kind if target else "",
            name=target.name if target else "",
            object_id=target.id if target else "",
            stack=target.stack if target else None,
            by=answered.identity.name,
            by_kind=answered.identity.kind,
            address=answered.address,
            outcome=f"{answered.status} {answered.code}".strip(),
            operation=answered.operation,
            detail=write_detail(
                {
                    "method": answered.method,
                    "route": answered.route,
                    "action": answered.action,
                    "status": answered.status,
                    "code": answered.code,
                    "milliseconds": round(answered.seconds * 1000),
                }
            ),
        )

    @classmethod
    def own(cls, kind: str, **detail: Any) -> Entry:
        """Return what the timeline has to tell of itself."""
        return cls(
            kind, datetime.now(UTC), target="timeline", by="server", by_kind="server", detail=write_detail(detail)
        )

    @property
    def size(self) -> int:
        """About how many bytes it takes while it waits to be written."""
        return len(self.detail) + 500


ENTRY_MEMBERS = tuple(each.name for each in fields(Entry))


def to_columns(entry: Entry, number: int, previous: str) -> dict[str, Any]:
    """Return the columns of the line that an entry becomes at its place."""
    columns = {**asdict(entry), "number": number, "previous": previous}
    return {**columns, "hash": make_hash(columns)}


def make_hash(columns: Mapping[str, Any]) -> str:
    """Return the hash of a line: SHA-256 over its canonical JSON, which has every member but the hash itself."""
    members = {name: columns[name] for name in ENTRY_MEMBERS if name != "detail"}
    members |= {"number": columns["number"], "previous": columns["previous"], "at": write_moment(columns["at"])}
    members["id"] = members.pop("object_id")
    before = _dump({name: value for name, value in members.items() if name < "detail"})
    after = _dump({name: value for name, value in members.items() if name > "detail"})
    # The detail is canonical JSON already, and stands where its name belongs.
    text = f'{before[:-1]},"detail":{columns["detail"]},{after[1:]}'
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write_moment(at: datetime) -> str:
    """Return a moment as lines have it: in UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def write_detail(detail: Mapping[str, Any]) -> str:
    """Return a detail as canonical JSON; of one that is too long, without the fields of its changes."""
    text = _dump(detail)
    if len(text) > LONGEST_DETAIL and isinstance(changes := detail.get("changes"), Sequence):
        short = [{name: change.get(name) for name in ("kind", "name", "action")} for change in changes]
        text = _dump({**detail, "changes": short, "shortened": True})
    if len(text) > LONGEST_DETAIL:
        text = _dump({"shortened": True, "characters": len(text)})
    return text


def _dump(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    except (TypeError, ValueError, RecursionError):
        # A plugin told of something that is no JSON; that it happened is worth keeping all the same.
        return '{"unreadable":true}'


def _clean(text: str, most: int) -> str:
    """Return a text that any database takes: without NUL and halves of characters, and not too long."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:most]


def _hide(value: Any) -> Any:
    if isinstance(value, str):
        return hide_inside(value)
    if isinstance(value, Mapping):
        return {name: _hide(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_hide(inner) for inner in value]
    return value
