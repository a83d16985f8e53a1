"""Tables, times and the small words in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from crane_cli.session import Session, style
from crane_cli.visible import visible

GAP = "   "
Item = Mapping[str, Any]


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings."""
    for line in lay_out(headings, rows):
        click.echo(line)


def lay_out(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table; the width of a column is that of its longest cell."""
    cells = [list(headings), *([visible("" if cell is None else cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def show_list(
    session: Session,
    answer: Mapping[str, Any],
    headings: Sequence[str],
    row: Callable[[Item], Sequence[object]],
    *,
    quiet: Callable[[Item], object] | None = None,
    nothing: str,
) -> None:
    """Print a list's answer: as it is for a program, as a table for people.

    :param quiet: What to print of each item, and nothing else; None for the table.
    :param nothing: The sentence for standard error where the list is empty, and not for want of a reading.
    """
    tell_age(session, answer)
    if not session.for_people:
        session.give(answer)
        return
    items = answer["items"]
    if quiet is not None:
        for item in items:
            click.echo(visible(quiet(item)))
        return
    print_table(headings, (row(item) for item in items))
    if not items and not any(source.get("state") == "never" for source in answer.get("sources") or ()):
        session.note(nothing)


def tell_age(session: Session, answer: Mapping[str, Any]) -> None:
    """Say on standard error which sources of a list, or of one object, were not read just now."""
    for source in answer.get("sources") or ():
        if source.get("state") in ("stale", "never"):
            # It is a sentence of its own already.
            reason = f": {str(source['error']).rstrip('.')}" if source.get("error") else ""
            age = source.get("age")
            seen = "has never been read" if age is None else f"was read last {describe_seconds(float(age))} ago"
            session.warn(f"The source {source.get('name')} {seen}{reason}.")


def describe_seconds(seconds: float) -> str:
    """Say how long something is, in its largest unit."""
    whole = max(0, int(seconds))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if whole >= length:
            count = whole // length
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{whole} second{'s' if whole != 1 else ''}"


def describe_time(timestamp: str | None, now: datetime | None = None) -> str:
    """Say how long ago a time was, given in RFC 3339; empty where there is none."""
    parsed = parse_time(timestamp)
    if parsed is None:
        return ""
    return f"{describe_seconds(((now or datetime.now(UTC)) - parsed).total_seconds())} ago"


def parse_time(timestamp: str | None) -> datetime | None:
    """Read a time in RFC 3339, as exact as Python has it; None for what is none."""
    if not timestamp or timestamp.startswith("0001-"):
        return None
    whole, dot, rest = timestamp.partition(".")
    digits = rest.rstrip("Z").partition("+")[0]
    text = f"{whole}.{digits[:6].ljust(6, '0')}{rest[len(digits) :]}" if dot else timestamp
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def show_time(timestamp: str | None) -> str:
    """Return a time as the clock on the wall here shows it; empty where there is none."""
    parsed = parse_time(timestamp)
    return parsed.astimezone().strftime("%Y-%m-%d %H:%M:%S") if parsed else ""


def shorten_id(identifier: object, whole: bool) -> str:
    """Return an ID as docker shows it."""
    return str(identifier or "") if whole else str(identifier or "")[:12]


def shorten_image(image: object, whole: bool) -> str:
    """Return an image without its digest."""
    return str(image or "") if whole else str(image or "").partition("@")[0]


def paint_state(state: str) -> str:
    """Colour a state by whether it is good. The text must be visible already."""
    if state in ("converged", "done"):
        return style(state, fg="green")
    if state in ("failed", "rolled-back", "paused", "timed-out", "degraded"):
        return style(state, fg="red")
    return state
