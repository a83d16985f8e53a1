"""Facts about how moments are written in what is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import marshmallow as ma
import pytest

from crane_core.moments import Moment, SpanQuery, Stamp, read_stamp

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Query(SpanQuery):
    since = Stamp("From", load_default="")
    until = Moment("To")


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2026-05-04T12:00:00Z", "2026-05-04T12:00:00.000000000Z"),
        ("2026-05-04T12:00:00.123456789Z", "2026-05-04T12:00:00.123456789Z"),
        ("2026-05-04T14:00:00.5+02:00", "2026-05-04T12:00:00.500000000Z"),
        ("2026-05-04T14:00:00 02:00", "2026-05-04T12:00:00.000000000Z"),
        ("2026-05-04T12:00:00", "2026-05-04T12:00:00.000000000Z"),
        ("2026-05-04T12:00", "2026-05-04T12:00:00.000000000Z"),
        ("2026-05-04", "2026-05-04T00:00:00.000000000Z"),
        ("0", "1970-01-01T00:00:00.000000000Z"),
        ("1777896000.25", "2026-05-04T12:00:00.250000000Z"),
        ("5m", "2026-05-04T11:55:00.000000000Z"),
        ("2d", "2026-05-02T12:00:00.000000000Z"),
    ],
)
def test_moment_is_read_however_it_is_written(text: str, stamp: str) -> None:
    assert read_stamp(text, NOW) == stamp


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-13-01T00:00:00Z", "999999999999", "999999999d", "12:00", "2026-05-04T25:00Z", "5w", "\u0665m"],
)
def test_what_is_no_moment_is_refused_with_how_one_is_written(text: str) -> None:
    with pytest.raises(ma.ValidationError, match="write 2026-05-04T12:00:00Z, seconds since"):
        Query().load({"since": text})


def test_moment_is_an_aware_datetime() -> None:
    assert Query().load({"until": "2026-05-04T12:00:00.123456789Z"})["until"] == NOW.replace(microsecond=123456)
    assert Query().load({"since": "", "until": ""}) == {"since": "", "until": None}


def test_span_that_ends_before_it_begins_is_refused() -> None:
    class Moments(SpanQuery):
        since = Moment("From")
        until = Moment("To")

    with pytest.raises(ma.ValidationError) as refused:
        Moments().load({"since": "2h", "until": "3h"})
    assert refused.value.messages == {"since": ["It begins after it ends; say an earlier moment."]}
    assert Moments().load({"since": "3h", "until": "2h"})
