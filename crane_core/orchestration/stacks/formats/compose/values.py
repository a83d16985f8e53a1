"""Durations, sizes, processors, command lines and lists of pairs, read as the docker CLI reads them.

Each function raises ValueError with a sentence that can follow what it is about: ``must be ...``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from crane_core.orchestration.stacks.formats.compose import scalars

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION = re.compile(r"([-+]?)((?:[0-9]*\.?[0-9]*(?:ns|us|µs|μs|ms|s|m|h))+)")
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_SIZE = re.compile(r"([0-9.]+) ?(?:([kmgtp])i?b?|b)?", re.IGNORECASE)
_CPUS = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,2})?|[-+]?[0-9]+/[0-9]+")
_LARGEST = 2**63 - 1
_LONGEST = 64  # Longer ones would take long to be read, and mean nothing.
_SPACE = " \t\r\n"


def duration(text: str) -> int:
    """Return the nanoseconds of a duration such as ``1m30s``."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _DURATION.fullmatch(text) if len(text) <= _LONGEST else None
    parts = _DURATION_PART.findall(whole[2]) if whole else []
    if not whole or "".join(number + unit for number, unit in parts) != whole[2]:
        raise ValueError(f"must be a duration such as `10s` or `1m30s`, not `{text}`.")
    total = sum(int(Fraction(number.rstrip(".")) * _NANOSECONDS[unit]) for number, unit in parts)
    if total > _LARGEST:
        raise ValueError(f"must be a duration of less than 292 years, not `{text}`.")
    return -total if whole[1] == "-" else total


def size(value: str | float) -> int:
    """Return the bytes of a size such as ``50M``; units are powers of 1024."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    if isinstance(value, int | float):
        amount = Fraction(value)
    elif match and match[1].count(".") <= 1 and match[1] != ".":
        power = "kmgtp".find((match[2] or " ").lower()) + 1
        amount = Fraction(match[1].rstrip(".")) * 1024**power
    else:
        raise ValueError(f"must be a size such as `50M` or `1g`, not `{value}`.")
    if not 0 <= amount <= _LARGEST:
        raise ValueError(f"must be a size between 0 and 8 EiB, not `{value}`.")
    return int(amount)


def cpus(value: str | float) -> int:
    """Return the billionths of a processor of a number such as ``0.5``."""
    written = scalars.text(value)
    try:
        if len(written) > _LONGEST or not _CPUS.fullmatch(written):
            raise ValueError(written)
        amount = Fraction(written) * 10**9
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"must be a number of processors such as `0.5`, not `{written}`.") from error
    if amount.denominator != 1 or abs(amount) > _LARGEST:
        raise ValueError(f"must be a number of processors with at most nine decimals, not `{written}`.")
    return int(amount)


def pairs(value: Any, *, empty: str | None = "") -> dict[str, str | None]:
    """Return the pairs of a mapping, or of a list of ``key=value``.

    :param empty: What stands for the value of a key that has none.
    """
    if isinstance(value, Mapping):
        return {key: empty if item is None else scalars.text(item) for key, item in value.items()}
    found: dict[str, str | None] = {}
    for item in value or ():
        key, equals, rest = str(item).partition("=")
        found[key] = rest if equals else empty
    return found


def words(line: str) -> list[str]:
    """Split a command line into words: quotes, ``\\`` and ``#`` as in a shell, but nothing is expanded."""
    found: list[str] = []
    word: list[str] | None = None
    characters = iter(line)
    for character in characters:
        if character == "#" and word is None:
            _skip_line(characters)
        elif character in _SPACE:
            if word is not None:
                found.append("".join(word))
            word = None
        else:
            word = [] if word is None else word
            if character in "\"'":
                word.append(_quoted(characters, character))
            elif character == "\\":
                word.append(_escaped(characters))
            else:
                word.append(character)
    return found if word is None else [*found, "".join(word)]


def _skip_line(characters: Any) -> None:
    for character in characters:
        if character == "\n":
            return


def _escaped(characters: Any) -> str:
    character = next(characters, None)
    if character is None:
        raise ValueError("ends with a `\\` that nothing follows.")
    return str(character)


def _quoted(characters: Any, quote: str) -> str:
    inside: list[str] = []
    for character in characters:
        if character == quote:
            return "".join(inside)
        inside.append(_escaped(characters) if character == "\\" and quote == '"' else character)
    raise ValueError(f"has a quote `{quote}` that is not closed.")
