"""Moments in what is asked: written in one way, whatever they limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import marshmallow as ma

WRITTEN = "2026-05-04T12:00:00Z, seconds since the epoch, or how long ago, as in 5m"
_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECONDS = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?")
# As RFC 3339 has it, with as many digits of a second as Engines print; a moment without a zone is in UTC.
_STAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?)(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def read_stamp(text: str, now: datetime) -> str:
    """Return a moment in UTC with nine digits of a second, so that moments are compared as texts.

    >>> read_stamp("2026-05-04T14:00:00.5+02:00", datetime(2026, 5, 4, tzinfo=UTC))
    '2026-05-04T12:00:00.500000000Z'
    >>> read_stamp("90s", datetime(2026, 5, 4, tzinfo=UTC))
    '2026-05-03T23:58:30.000000000Z'

    :raises ValueError: It is none.
    """
    try:
        if found := _AGO.fullmatch(text):
            moment = now.astimezone(UTC) - timedelta(seconds=int(found[1]) * _UNITS[found[2]])
            return _write(moment, f"{moment:%f}")
        if found := _SECONDS.fullmatch(text):
            return _write(datetime.fromtimestamp(int(found[1]), UTC), found[2])
        # In a query a plus sign is a space unless somebody takes care.
        if found := _STAMP.fullmatch(text.replace(" ", "+")):
            moment = datetime.fromisoformat(found[1])
            zoned = f"{moment:%Y-%m-%dT%H:%M:%S}{found[3] or 'Z'}"
            return _write(datetime.fromisoformat(zoned).astimezone(UTC), found[2])
    except (OverflowError, OSError) as error:
        raise ValueError(text) from error
    raise ValueError(text)


def _write(moment: datetime, fraction: str | None) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction or '':0<9}Z"


class Stamp(ma.fields.String):
    """A moment, read as a text with nine digits of a second; empty where nothing was written."""

    def __init__(self, says: str, **options: Any) -> None:
        super().__init__(metadata={"description": f"{says}: {WRITTEN}."}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        if not (text := super()._deserialize(value, attr, data)):
            return text
        try:
            return read_stamp(text, datetime.now(UTC))
        except ValueError as error:
            raise ma.ValidationError(f"{text[:40]} is no moment: write {WRITTEN}.") from error


class Moment(Stamp):
    """A moment, read as a ``datetime`` in UTC; None where nothing was written."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        stamp = super()._deserialize(value, attr, data)
        return datetime.fromisoformat(stamp[:26]).replace(tzinfo=UTC) if stamp else None


class SpanQuery(ma.Schema):
    """What is limited by two moments, the first before the second."""

    @ma.validates_schema
    def require_order(self, sent: Mapping[str, Any], **_: Any) -> None:
        """Refuse a span that ends before it begins: nothing would be in it. Raises ``ValidationError``."""
        since, until = sent.get("since"), sent.get("until")
        if since and until and since > until:
            raise ma.ValidationError("It begins after it ends; say an earlier moment.", "since")
