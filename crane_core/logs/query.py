"""What can be asked of a log, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import marshmallow as ma

from crane_core.errors import Invalid, Violation
from crane_core.logs.asking import Wish
from crane_core.logs.lines import normalise, to_stamp
from crane_core.logs.sieve import LONGEST_PATTERN, Sieve, compile_pattern

# How many of the newest lines are sent unless told otherwise.
TAIL = 500
MOST_TAIL = 100_000
# A live topic keeps the lines of the past until they are taken.
MOST_TAIL_LIVE = 10_000
_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECONDS = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?")
_STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True)
class Query:
    """What somebody wants of a log.

    :param wish: How much of it.
    :param sieve: Which lines of that.
    :param timestamps: Whether text tells when each line was printed.
    """

    wish: Wish
    sieve: Sieve
    timestamps: bool = False


class LogQuery(ma.Schema):
    """How a log is read."""

    class Meta:
        unknown = ma.RAISE

    follow = ma.fields.Boolean(
        load_default=False, metadata={"description": "Go on with what is printed from now on, also by later tasks."}
    )
    since = ma.fields.String(
        load_default="",
        metadata={
            "description": "Nothing from before: a moment with its time zone, seconds since the epoch, or how long "
            "ago, as in 5m."
        },
    )
    until = ma.fields.String(load_default="", metadata={"description": "Nothing from after; written as since is."})
    tail = ma.fields.String(
        load_default=None,
        metadata={
            "description": f"How many of the newest lines, or all; {TAIL} unless since or until says how many. What "
            "chooses lines is applied to these."
        },
    )
    grep = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=LONGEST_PATTERN),
        metadata={"description": "Keep lines in which this regular expression (of RE2) is found."},
    )
    ignore_case = ma.fields.Boolean(
        load_default=False, metadata={"description": "Whether capital and small letters are the same to it."}
    )
    invert = ma.fields.Boolean(load_default=False, metadata={"description": "Keep the other lines."})
    task = ma.fields.String(
        load_default="",
        metadata={"description": "One task: its name as in web.1, its slot, or its id or the beginning of it."},
    )
    stream = ma.fields.String(
        load_default="",
        validate=ma.validate.OneOf(["", "stdout", "stderr"]),
        metadata={"description": "One of the two streams; both unless told otherwise."},
    )
    timestamps = ma.fields.Boolean(
        load_default=False, metadata={"description": "Tell when each line was printed, where the answer is text."}
    )


def read_query(sent: Mapping[str, Any], now: datetime | None = None) -> Query:
    """Read what was asked for.

    :raises Invalid: for what nobody understands.
    """
    now = now or datetime.now(UTC)
    since, until = (_read_moment(name, str(sent[name]), now) for name in ("since", "until"))
    tail = _read_tail(sent["tail"], TAIL if not (since or until) else None)
    sieve = Sieve(sent["grep"], sent["ignore_case"], sent["invert"], sent["task"], sent["stream"])
    if sieve.grep:
        compile_pattern(sieve.grep, sieve.ignore_case)
    return Query(Wish(since, until, tail, bool(sent["follow"])), sieve, bool(sent["timestamps"]))


def _read_moment(name: str, text: str, now: datetime) -> str:
    """Read a moment as a stamp, empty for none."""
    if not text:
        return ""
    try:
        if found := _AGO.fullmatch(text):
            return to_stamp(now - timedelta(seconds=int(found[1]) * _UNITS[found[2]]))
        if found := _SECONDS.fullmatch(text):
            moment = datetime.fromtimestamp(int(found[1]), UTC)
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{found[2] or '':0<9}Z"
        # In a query a plus sign is a space unless somebody takes care.
        if _STAMP.fullmatch(written := text.replace(" ", "+")):
            datetime.fromisoformat(written[:19])
            return normalise(written.encode())
    except (ValueError, OverflowError, OSError):
        pass
    detail = (
        f"{text[:40]} is no moment: write 2026-05-04T12:00:00Z, seconds since the epoch, or how long ago, as in 5m."
    )
    raise Invalid(detail, violations=[Violation(f"/{name}", detail)])


def _read_tail(text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if text == "all":
        return None
    if text.isascii() and text.isdecimal() and len(text) < 7 and int(text) <= MOST_TAIL:
        return int(text)
    detail = f"tail is a number of lines up to {MOST_TAIL}, or all."
    raise Invalid(detail, violations=[Violation("/tail", detail)])
