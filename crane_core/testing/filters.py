"""The ``filters`` of the Engine's lists, and lists made of bytes that are kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import msgspec

from crane_core.testing.answers import Refusal, Response
from crane_core.testing.records import Record

R = TypeVar("R", bound=Record)


def read_filters(params: Mapping[str, str], known: Collection[str] | None) -> dict[str, list[str]]:
    """Return the filters of a request, each with its values; both of the Engine's notations are read.

    :param known: The names that are taken; None where it is checked elsewhere.
    """
    text = params.get("filters", "")
    if not text:
        return {}
    try:
        sent = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise Refusal(400, f"invalid character '{text[0]}' looking for beginning of value") from None
    if not isinstance(sent, dict):
        raise Refusal(400, "invalid filter")
    for name in sent:
        if known is not None and name not in known:
            raise Refusal(400, f"Invalid filter '{name}'")
    return {name: list(values) for name, values in sent.items() if values}


def with_labels(records: Iterable[R], filters: Mapping[str, list[str]]) -> list[R]:
    """Keep the records that carry all labels asked for (``name`` or ``name=value``)."""
    kept = list(records)
    for wanted in filters.get("label", ()):
        name, has_value, value = wanted.partition("=")
        kept = [
            record
            for record in kept
            if (found := record.labels.get(name)) is not None and (not has_value or found == value)
        ]
    return kept


def joined(encoded: Iterable[bytes]) -> Response:
    """Answer with a list of objects that are JSON already."""
    return Response(200, b"[" + b",".join(encoded) + b"]\n")
