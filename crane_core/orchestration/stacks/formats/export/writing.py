"""How values are written in a Compose file: YAML that every reader of Compose understands alike, times and sizes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import yaml

_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns"))
_SIZES = ((1024**3, "G"), (1024**2, "M"), (1024, "K"))

# Readers disagree about what is a number: what looks like one to any of them is put in quotes.
_NUMBERLIKE = re.compile(r"(?=.*[0-9])[-+.0-9][-+.0-9_:a-fA-FxXoOeETtZ ]*")

# Some readers take these for ends of lines, or not at all, unless they are escaped.
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\n\u00a0-\u2027\u202a-\ud7ff]")
_BLANK_AT_AN_END = re.compile(r"[ \t]\n|\A[ \t\n]")


class Quoted(str):
    """A text that is always written in quotes."""

    __slots__ = ()


class Octal(int):
    """A number that is written in octal, as the modes of files are."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if isinstance(text, Quoted) or _NUMBERLIKE.fullmatch(text) or _UNPRINTABLE.search(text):
        style = '"'
    elif "\n" in text and not _BLANK_AT_AN_END.search(text):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


def _octal(dumper: yaml.SafeDumper, number: Octal) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:int", f"0{number:o}")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Quoted, _text)
_Dumper.add_representer(Octal, _octal)


def to_yaml(tree: Any) -> str:
    """Return a tree as YAML, in the order of its members."""
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True))


def escape(value: Any) -> Any:
    """Escape every ``$`` in the texts of a tree, because Compose puts variables in their places."""
    if isinstance(value, str):
        return type(value)(value.replace("$", "$$"))
    if isinstance(value, dict):
        return {key: escape(inner) for key, inner in value.items()}
    return [escape(inner) for inner in value] if isinstance(value, list) else value


def duration(nanoseconds: int) -> str:
    """Return a time as Compose writes it.

    >>> duration(90_000_000_000), duration(0), duration(1_500_000)
    ('1m30s', '0s', '1ms500us')
    """
    written, rest = "", nanoseconds
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def size(count: int) -> str:
    """Return a number of bytes as Compose writes it.

    >>> size(512 * 1024 * 1024), size(1000)
    ('512M', '1000')
    """
    for unit, name in _SIZES:
        if count and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)


def processors(billionths: int) -> Quoted:
    """Return a part of a processor as Compose writes it.

    >>> processors(500_000_000)
    '0.5'
    """
    return Quoted(f"{(Decimal(billionths) / 10**9).normalize():f}")
