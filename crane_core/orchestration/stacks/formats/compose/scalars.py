"""What an unquoted word of YAML means, and how a number is written as text: both as the docker CLI has it.

The docker CLI reads YAML with Go's ``yaml.v3``, whose rules differ from those of PyYAML: ``yes`` and ``on`` are text,
``22:22`` is text, ``0777`` and ``0o777`` are octal, ``1_000`` is a thousand, and a date is a point in time, which
becomes text in Go's own notation.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INTEGERS = (
    (re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)"), 10),
)
_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d{2}:\d{2})| (\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?)?"
)
_LARGEST = 2**64
# 64 binary digits with sign and prefix; whatever is longer is a float or text.
_LONGEST_INTEGER = 67


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted scalar."""
    first = text[:1]
    if first.isdigit() or first in ("+", "-", "."):
        return _number_or_time(text)
    return _WORDS.get(text, text) if len(text) <= 5 else text


def _number_or_time(text: str) -> str | int | float:
    if (moment := _TIME.fullmatch(text)) and (written := _time_text(moment)):
        return written
    plain = text.replace("_", "")
    for pattern, base in _INTEGERS if len(plain) <= _LONGEST_INTEGER else ():
        if match := pattern.fullmatch(plain):
            number = int(match[1] + match[2], base)
            return number if -_LARGEST // 2 <= number < _LARGEST else float(number)
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        if value not in (float("inf"), float("-inf")):
            return value
    return text


def _time_text(match: re.Match[str]) -> str | None:
    year, month, day, *rest = match.groups()
    hour, minute, second, fraction = rest[:4] if rest[0] else rest[5:9]
    zone = rest[4]
    offset = timedelta()
    if zone not in (None, "Z"):
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            tzinfo=timezone(offset) if offset else UTC,
        )  # fmt: skip
    except ValueError:
        return None
    digits = (fraction or "").rstrip("0").rstrip(".")[:10]
    name = moment.strftime("%z") if offset else "UTC"
    return f"{moment:%Y-%m-%d %H:%M:%S}{digits} {moment:%z} {name}"


def text(value: object) -> str:
    """Write a scalar as the docker CLI does where text is wanted: ``1.0`` is ``1``, a million ``1e+06``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return str(value)


def _float_text(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return "NaN" if value != value else f"{'+' if value > 0 else '-'}Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # Only infinity and NaN have an exponent that is a letter.
    minus = "-" if sign else ""
    if not value:
        return f"{minus}0"
    written = "".join(map(str, digits))
    power = len(written) - 1 + exponent
    # Go prints a number of a million and above, or below a ten-thousandth, with an exponent.
    if power < -4 or power >= 6:
        mantissa = written[0] + (f".{written[1:]}" if len(written) > 1 else "")
        return f"{minus}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if power < 0:
        return f"{minus}0.{'0' * (-power - 1)}{written}"
    whole = written[: power + 1].ljust(power + 1, "0")
    return f"{minus}{whole}" + (f".{written[power + 1 :]}" if len(written) > power + 1 else "")
