"""What can be asked of the timeline: pages of it, one line, all that follows, and whether it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from crane_database import answering, db, func, or_, select, session

from crane_core.context import Crane
from crane_core.errors import NotFound
from crane_core.security import Identity, Target, decide, may_everything
from crane_history.timeline.chain import Proof, check, read_ends, shorten
from crane_history.timeline.entries import Entry, write_moment
from crane_history.timeline.models import Line
from crane_history.timeline.writer import Writer

ACTION = "timeline:read"
# How many lines are looked at for a page of somebody who may see few of them.
MOST_LOOKED_AT = 10_000
STRIDE = 500
# How many other lines of an operation are told with one.
MOST_RELATED = 200
HEARTBEAT_SECONDS = 15.0
# How often it is asked whether another server has written something.
LOOK_SECONDS = 1.0
_table = Line.__table__
# All but the detail, which may be long.
_BRIEF = [column for column in _table.columns if column.name != "detail"]
_SEARCHED = (Line.name, Line.kind, Line.what, Line.by, Line.stack)


class LineNotFound(NotFound):
    """There is no such line of the timeline."""

    code, title = "line-not-found", "There is no such line of the timeline."


@dataclass(frozen=True)
class Page:
    """Some lines, and where to go on; None when there are no more."""

    lines: list[dict[str, Any]]
    next: int | None


def present(row: Any) -> dict[str, Any]:
    """Return a line as it is answered; its detail only if that was read."""
    columns = dict(row._mapping)
    shown = {name: columns[name] for name in columns if name not in ("object_id", "detail", "at", "number")}
    line = {"number": columns["number"], "at": write_moment(columns["at"]), **shown, "id": columns["object_id"]}
    if "detail" in columns:
        # It is JSON already.
        line["detail"] = msgspec.Raw(columns["detail"].encode())
    return line


def target_of(row: Any) -> Target:
    """Return what a line is about, on which it is decided who may see it."""
    return Target(row.target or "timeline", row.name, row.object_id, row.stack)


@answering()
def find_page(crane: Crane, identity: Identity, query: Mapping[str, Any], *, whole: bool = False) -> Page:
    """Find the lines that are asked for and that somebody may see.

    :param query: Filters, ``limit``, ``after`` (where the page before ended) and ``oldest_first``.
    :param whole: Whether their details are read too.
    """
    wanted: list[Any] = []
    after, limit = query.get("after"), query["limit"]
    sees_all = may_everything(identity)
    looked_at = 0
    while looked_at < MOST_LOOKED_AT:
        stride = limit + 1 if sees_all else STRIDE
        rows = _read(query, after, stride, whole)
        for row in rows:
            looked_at += 1
            if sees_all or decide(crane, identity, ACTION, target_of(row)).allows:
                if len(wanted) == limit:
                    return Page([present(each) for each in wanted], after)
                wanted.append(row)
            after = row.number
        if len(rows) < stride:
            after = None
            break
    return Page([present(row) for row in wanted], after)


def _read(query: Mapping[str, Any], after: int | None, limit: int, whole: bool) -> list[Any]:
    chosen = select(*(_table.columns if whole else _BRIEF)).where(*_conditions(query))
    if query.get("oldest_first"):
        chosen = chosen.where(Line.number > after) if after is not None else chosen
        chosen = chosen.order_by(Line.number)
    else:
        chosen = chosen.where(Line.number < after) if after is not None else chosen
        chosen = chosen.order_by(Line.number.desc())
    return list(db.session.execute(chosen.limit(limit)).all())


def _conditions(query: Mapping[str, Any]) -> Iterator[Any]:
    if kinds := query.get("kind"):
        yield or_(*(_is_kind(kind) for kind in kinds.split(",")))
    for member in ("by", "stack", "name", "target", "operation", "outcome"):
        if query.get(member):
            yield getattr(Line, member).in_(query[member].split(","))
    if query.get("since") is not None:
        yield Line.at >= query["since"]
    if query.get("until") is not None:
        yield Line.at < query["until"]
    if needle := str(query.get("q") or ""):
        yield or_(*(func.lower(column).contains(needle.lower(), autoescape=True) for column in _SEARCHED))


def _is_kind(kind: str) -> Any:
    """Return the condition of a kind, or of all kinds of an object, as in ``service.*``."""
    if kind.endswith(".*"):
        return Line.kind.startswith(kind[:-1], autoescape=True)
    return Line.kind == kind


@answering()
def get_line(number: int) -> Any:
    """Return a line.

    :raises LineNotFound: when there is none of this number.
    """
    # No database has numbers that are larger.
    known = 0 < number < 2**63
    row = db.session.execute(select(_table).where(Line.number == number)).one_or_none() if known else None
    if row is None:
        ends = read_ends()
        kept = f"there are {ends.removed_number + 1} to {ends.last_number}" if ends.last_number else "there is none yet"
        raise LineNotFound(f"There is no line {number}; {kept}.")
    return row


@answering()
def show(crane: Crane, identity: Identity, number: int) -> dict[str, Any]:
    """Return a line with its detail, and the other lines of the same operation: what it changed, how it ended."""
    row = get_line(number)
    related: list[Any] = []
    if row.operation:
        others = select(_table).where(Line.operation == row.operation, Line.number != number)
        related = list(db.session.execute(others.order_by(Line.number).limit(MOST_RELATED)).all())
    if not may_everything(identity):
        related = [other for other in related if decide(crane, identity, ACTION, target_of(other)).allows]
    return {**present(row), "related": [present(other) for other in related]}


def export(crane: Crane, identity: Identity, query: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield all lines that are asked for, the oldest first, whole; those that come meanwhile are left out."""
    after: int | None = query.get("after")
    newest = read_ends().last_number
    while True:
        wanted = {**query, "after": after, "limit": STRIDE, "oldest_first": True}
        page = find_page(crane, identity, wanted, whole=True)
        yield [line for line in page.lines if line["number"] <= newest]
        if page.next is None or page.next >= newest:
            return
        after = page.next


def follow(crane: Crane, identity: Identity, query: Mapping[str, Any]) -> Iterator[list[dict[str, Any] | None]]:
    """Yield the lines that come from now on, or after the one that ``after`` names; None when none did for a while."""
    writer = crane.room(Writer)
    after = query.get("after")
    if after is None:
        after = read_ends().last_number
    told = time.monotonic()
    while not writer.closing:
        written, newest = writer.written, read_ends().last_number
        page = find_page(crane, identity, {**query, "after": after, "limit": STRIDE, "oldest_first": True})
        # No connection is held while nothing happens.
        db.session.remove()
        if page.lines:
            told = time.monotonic()
            yield [*page.lines]
        if page.next is not None:
            after = page.next
            continue
        # Up to here everything was looked at, also what this caller may not see.
        after = max([after, newest, *(line["number"] for line in page.lines)])
        writer.wait_for_news(written, LOOK_SECONDS)
        if time.monotonic() - told >= HEARTBEAT_SECONDS:
            told = time.monotonic()
            yield [None]


def read_newest(crane: Crane, limit: int) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
    """Return the version of the timeline, and what reads its newest lines; for who has no request."""
    app = crane.room(Writer).app

    def read() -> list[dict[str, Any]]:
        with session(app):
            return [present(row) for row in _read({}, None, limit, whole=False)]

    with session(app):
        return str(read_ends().last_number), read


@answering()
def prove(noted: tuple[int, str] | None = None) -> dict[str, Any]:
    """Check the chain, and return what was found."""
    proof: Proof = check(noted)
    ends, broken = proof.ends, proof.broken
    return {
        "intact": broken is None,
        "lines": proof.lines,
        "first": ends.removed_number + 1,
        "last": ends.last_number,
        "hash": ends.last_hash,
        "broken": {"number": broken.number, "kind": broken.kind, "detail": broken.detail} if broken else None,
    }


def forget_old(crane: Crane, confirm: Callable[[], None]) -> None:
    """Remove the lines that are older, or more, than the settings say; the timeline tells of it."""
    days, most = crane.settings["history.keep_days"], crane.settings["history.keep_lines"]
    oldest = datetime.now(UTC) - timedelta(days=days) if days > 0 else None
    if removed := shorten(oldest, most if most > 0 else None, confirm):
        told = Entry.own("history.shortened", first=removed.first, last=removed.last, lines=removed.lines)
        crane.room(Writer).add(told)
