"""How a log is written: as text, as JSON objects, and as the rows of a live topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from crane_core.logs.batch import Batch
from crane_core.logs.entries import Entry, Lost, Printed, Told, describe_line, describe_origin
from crane_core.logs.sieve import Sieve

Form = Literal["text", "ndjson", "sse"]
_encoder = msgspec.json.Encoder()

BEATS: dict[str, bytes] = {"text": b"", "ndjson": b"\n", "sse": b": \n\n"}


def to_piece(
    part: Batch | Lost | None, sieve: Sieve, form: Form, timestamps: bool = False, named: bool = False
) -> bytes:
    """Return a part of a log as it is sent.

    :param named: Whether text says of each line where it comes from.
    """
    if part is None:
        return BEATS[form]
    if isinstance(part, Lost):
        return _write_lost(part, form)
    write = _WRITERS[form]
    # Equal sieves keep the same, so that all readers of one sort are sent the very same bytes.
    return part.made(
        (form, timestamps, named, sieve), lambda entries: b"".join(write(sieve.keep(entries), timestamps, named))
    )


def _write_text(entries: Sequence[Entry], timestamps: bool, named: bool) -> Iterator[bytes]:
    for entry in entries:
        if isinstance(entry, Printed):
            stamp = f"{entry.line.stamp} " if timestamps else ""
            name = f"{entry.origin.name} | " if named else ""
            yield f"{stamp}{name}{entry.line.text}\n".encode(errors="replace")
        elif entry.condition.state == "unreachable":
            # What is missing is never passed over in silence.
            where = f"{entry.origin.name} on {entry.origin.node}"
            yield f"--- {where}: {entry.condition.reason}\n".encode(errors="replace")


def _write_objects(entries: Sequence[Entry], timestamps: bool, named: bool) -> Iterator[bytes]:
    for entry in entries:
        yield _encoder.encode(_describe(entry)) + b"\n"


def _write_events(entries: Sequence[Entry], timestamps: bool, named: bool) -> Iterator[bytes]:
    for entry in entries:
        yield b"data: " + _encoder.encode(_describe(entry)) + b"\n\n"


_WRITERS: dict[str, Callable[[Sequence[Entry], bool, bool], Iterator[bytes]]] = {
    "text": _write_text,
    "ndjson": _write_objects,
    "sse": _write_events,
}


def _write_lost(lost: Lost, form: Form) -> bytes:
    if form == "text":
        return f"--- {lost.count} lines were left out: they came faster than they were read.\n".encode()
    encoded = _encoder.encode({"lost": lost.count})
    return encoded + b"\n" if form == "ndjson" else b"data: " + encoded + b"\n\n"


def _describe(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, Told):
        return {"source": describe_origin(entry.origin, entry.condition)}
    return describe_line(entry)


def to_rows(batch: Batch, sieve: Sieve) -> tuple[msgspec.Raw, msgspec.Raw] | None:
    """Return the lines and the sources that a batch tells, as a live topic sends them; None when there is nothing."""

    def make(entries: Sequence[Entry]) -> tuple[msgspec.Raw, msgspec.Raw] | None:
        kept = sieve.keep(entries)
        if not kept:
            return None
        lines = [
            (entry.line.stamp, entry.origin.key, 2 if entry.line.stream == "stderr" else 1, entry.line.text)
            for entry in kept
            if isinstance(entry, Printed)
        ]
        told = {
            entry.origin.key: describe_origin(entry.origin, entry.condition)
            for entry in kept
            if isinstance(entry, Told)
        }
        return msgspec.Raw(_encoder.encode(lines)), msgspec.Raw(_encoder.encode(told))

    return batch.made(("rows", sieve), make)
