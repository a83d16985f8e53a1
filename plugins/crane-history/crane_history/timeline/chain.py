"""The chain: lines follow each other without gaps, and each has the hash of the one before.

Whoever writes holds the row of the chain meanwhile, so that several servers that share a database write one chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crane_database import db, delete, func, insert, sa, select, update

from crane_history.timeline.entries import BEGINNING, Entry, make_hash, to_columns
from crane_history.timeline.models import Chain, Line

# How many lines are read at a time while they are checked, and removed at a time.
STRIDE = 1000
_make_chain = sa.text(
    "INSERT INTO history_chain (id, removed_number, removed_hash, last_number, last_hash) "
    "VALUES (1, 0, :beginning, :number, :hash) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True)
class Ends:
    """Where the chain begins and ends: the last line that was removed because it was old, and the newest one."""

    removed_number: int = 0
    removed_hash: str = BEGINNING
    last_number: int = 0
    last_hash: str = BEGINNING


@dataclass(frozen=True)
class Break:
    """Where the chain is broken, and how.

    :param kind: ``missing``, ``changed`` or ``inserted``.
    """

    number: int
    kind: str
    detail: str


@dataclass(frozen=True)
class Proof:
    """What checking the chain found.

    :param lines: How many lines were looked at.
    :param ends: Where the chain ended when the check began.
    """

    lines: int
    ends: Ends
    broken: Break | None


@dataclass(frozen=True)
class Removed:
    """Which lines were removed because they were old; fewer than the numbers say when some were missing before."""

    first: int
    last: int
    lines: int


def read_ends() -> Ends:
    """Read where the chain begins and ends."""
    row = db.session.execute(
        select(Chain.removed_number, Chain.removed_hash, Chain.last_number, Chain.last_hash)
    ).one_or_none()
    return Ends(*row) if row else Ends()


def append(entries: Sequence[Entry]) -> int:
    """Write entries as the newest lines, all or none; returns the number of the last.

    The transaction is committed.
    """
    held = update(Chain).where(Chain.id == 1).values(last_number=Chain.last_number + len(entries))
    connection = db.session.connection()
    row = connection.execute(held.returning(Chain.last_number, Chain.last_hash)).one_or_none()
    if row is None:
        _make_row(connection)
        row = connection.execute(held.returning(Chain.last_number, Chain.last_hash)).one()
    number, previous = int(row.last_number) - len(entries), str(row.last_hash)
    rows = []
    for entry in entries:
        number += 1
        rows.append(to_columns(entry, number, previous))
        previous = rows[-1]["hash"]
    connection.execute(insert(Line), rows)
    connection.execute(update(Chain).where(Chain.id == 1).values(last_hash=previous))
    db.session.commit()
    return number


def _make_row(connection: Any) -> None:
    """Make the row of the chain; where lines have lost theirs, it goes on after the last of them."""
    last = connection.execute(select(Line.number, Line.hash).order_by(Line.number.desc()).limit(1)).one_or_none()
    number, last_hash = (last.number, last.hash) if last else (0, BEGINNING)
    connection.execute(_make_chain, {"beginning": BEGINNING, "number": number, "hash": last_hash})


# --- Checking -----------------------------------------------------------------------------------------------------


def check(noted: tuple[int, str] | None = None) -> Proof:
    """Check every line, a thousand at a time: its number, the hash of the one before, and its own.

    :param noted: A number and a hash that somebody wrote down earlier; that line must still have that hash.
    """
    ends = read_ends()
    number, previous, lines = ends.removed_number, ends.removed_hash, 0
    if noted and noted[0] > ends.last_number:
        gone = Break(noted[0], "missing", f"The line {noted[0]} is missing: the newest is {ends.last_number}.")
        return Proof(0, ends, gone)
    while number < ends.last_number:
        rows = _read_after(number)
        for row in rows:
            if row.number > ends.last_number:
                break
            if row.number != number + 1 and (begins := read_ends()).removed_number >= number + 1:
                # What was about to be checked was removed meanwhile, because it was old.
                number, previous = begins.removed_number, begins.removed_hash
                if row.number <= number:
                    continue
            if broken := _find_break(row, number + 1, previous, noted):
                return Proof(lines, ends, broken)
            number, previous, lines = row.number, row.hash, lines + 1
        if not rows or rows[-1].number >= ends.last_number:
            break
    return Proof(lines, ends, _find_end(number, previous, ends))


def _read_after(number: int) -> Sequence[Any]:
    rows = db.session.execute(select(Line.__table__).where(Line.number > number).order_by(Line.number).limit(STRIDE))
    found = rows.all()
    # No transaction lasts as long as the check does.
    db.session.rollback()
    return found


def _find_break(row: Any, expected: int, previous: str, noted: tuple[int, str] | None) -> Break | None:
    if row.number != expected:
        what = f"The line {expected} is missing" + (
            f", with those up to {row.number - 1}." if row.number > expected + 1 else "."
        )
        return Break(expected, "missing", what)
    if make_hash(row._mapping) != row.hash:
        return Break(
            expected, "changed", f"The line {expected} was changed: it does not have the hash that it should have."
        )
    if row.previous != previous:
        return Break(
            expected, "inserted", f"The line {expected} does not follow the one before it: one of the two is another."
        )
    if noted and row.number == noted[0] and row.hash != noted[1]:
        return Break(expected, "changed", f"The line {expected} is another than the one that was noted.")
    return None


def _find_end(number: int, previous: str, ends: Ends) -> Break | None:
    """Find what is wrong with the end of the chain, after all lines that there are."""
    newest = db.session.scalar(select(func.max(Line.number))) or 0
    # Read after the newest line: what was written in between is counted in.
    now = read_ends()
    db.session.rollback()
    if newest > now.last_number:
        return Break(
            newest, "inserted", f"The line {newest} was inserted: the last that was written is {now.last_number}."
        )
    if number < ends.last_number and now.removed_number < ends.last_number:
        return Break(number + 1, "missing", f"The line {number + 1} is missing, and whatever followed it.")
    if number == ends.last_number and previous != ends.last_hash:
        return Break(number, "changed", f"The line {number} is another than the one that was written last.")
    return None


# --- Removing what is old -----------------------------------------------------------------------------------------


def shorten(oldest: datetime | None, most: int | None, confirm: Callable[[], None]) -> Removed | None:
    """Remove old lines from the beginning, a thousand in each transaction; None when there are none.

    :param oldest: Lines from before are removed; None keeps all ages.
    :param most: How many lines are kept; None keeps any number.
    :param confirm: Called in each of these transactions; raises when another server does this by now.
    """
    ends = read_ends()
    through = ends.removed_number if most is None else max(ends.removed_number, ends.last_number - most)
    if oldest is not None:
        young = select(Line.number).where(Line.number > ends.removed_number, Line.at >= oldest)
        first_young = db.session.scalar(young.order_by(Line.number).limit(1))
        through = max(through, ends.last_number if first_young is None else first_young - 1)
    db.session.rollback()
    last_gone, lines = ends.removed_number, 0
    for end in range(min(last_gone + STRIDE, through), through + STRIDE, STRIDE) if through > last_gone else ():
        confirm()
        # A line that somebody took away cannot become the beginning.
        chosen = select(Line.number, Line.hash).where(Line.number <= min(end, through))
        if (last := db.session.execute(chosen.order_by(Line.number.desc()).limit(1)).one_or_none()) is not None:
            begin = {"removed_number": last.number, "removed_hash": last.hash}
            db.session.execute(update(Chain).where(Chain.id == 1).values(begin))
            gone = db.session.connection().execute(delete(Line).where(Line.number <= last.number))
            last_gone, lines = last.number, lines + gone.rowcount
        db.session.commit()
    return Removed(ends.removed_number + 1, last_gone, lines) if lines else None
