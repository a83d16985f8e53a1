"""The timeline as a file: one JSON object a line, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

COLUMNS = (
    "number",
    "at",
    "kind",
    "what",
    "target",
    "name",
    "id",
    "stack",
    "by",
    "by_kind",
    "address",
    "outcome",
    "operation",
    "detail",
    "previous",
    "hash",
)
_encoder = msgspec.json.Encoder()
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_ndjson(lines: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield lines as JSON, one object a line."""
    for line in lines:
        yield _encoder.encode(line) + b"\n"


def to_csv(lines: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield lines as CSV, with a heading; a text that would be taken for a formula begins with an apostrophe."""
    yield _write_row(COLUMNS)
    for line in lines:
        yield _write_row([_cell(line[name]) for name in COLUMNS])


def _cell(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _write_row(cells: Iterable[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode()
