"""What can be asked of a log, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow as ma

from crane_core.errors import Invalid, Violation
from crane_core.logs.asking import Wish
from crane_core.logs.sieve import LONGEST_PATTERN, Sieve, compile_pattern
from crane_core.moments import SpanQuery, Stamp

# How many of the newest lines are sent unless told otherwise.
TAIL = 500
MOST_TAIL = 100_000
# A live topic keeps the lines of the past until they are taken.
MOST_TAIL_LIVE = 10_000


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


class LogQuery(SpanQuery):
    """How a log is read."""

    class Meta:
        unknown = ma.RAISE

    follow = ma.fields.Boolean(
        load_default=False, metadata={"description": "Go on with what is printed from now on, also by later tasks."}
    )
    since = Stamp("Nothing from before", load_default="")
    until = Stamp("Nothing from after", load_default="")
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


def read_query(sent: Mapping[str, Any]) -> Query:
    """Read what was asked for.

    :raises Invalid: for what nobody understands.
    """
    since, until = sent["since"], sent["until"]
    tail = _read_tail(sent["tail"], TAIL if not (since or until) else None)
    sieve = Sieve(sent["grep"], sent["ignore_case"], sent["invert"], sent["task"], sent["stream"])
    if sieve.grep:
        compile_pattern(sieve.grep, sieve.ignore_case)
    return Query(Wish(since, until, tail, bool(sent["follow"])), sieve, bool(sent["timestamps"]))


def _read_tail(text: str | None, default: int | None) -> int | None:
    if text is None:
        return default
    if text == "all":
        return None
    if text.isascii() and text.isdecimal() and len(text) < 7 and int(text) <= MOST_TAIL:
        return int(text)
    detail = f"tail is a number of lines up to {MOST_TAIL}, or all."
    raise Invalid(detail, violations=[Violation("/tail", detail)])
