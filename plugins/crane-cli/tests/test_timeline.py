"""crane timeline: what happened, exported and checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


def line(number: int, **members: Any) -> dict[str, Any]:
    """Return a line of the timeline."""
    return {
        "number": number,
        "at": "2026-05-04T12:00:00.000001Z",
        "kind": "operation.started",
        "what": "stack.deploy",
        "target": "operation",
        "name": "shop",
        "id": "o1",
        "stack": "shop",
        "by": "ann",
        "by_kind": "",
        "address": "",
        "outcome": "",
        "operation": "o1",
        "previous": "0" * 64,
        "hash": "a" * 64,
        **members,
    }


def test_newest_lines_are_shown_the_newest_last(crane, server):
    ended = line(8, kind="operation.ended", outcome="failed", by="\x1b[31mann")
    server.plays("GET", "timeline", {"items": [ended, line(7)], "next": None})

    result = crane("timeline", "--stack", "shop", "--kind", "operation.*")

    rows = [row.split() for row in result.stdout.splitlines()]
    assert rows[0][:2] == ["NUMBER", "WHEN"]
    assert (rows[1][0], rows[1][3:]) == ("7", ["operation.started", "operation", "shop", "ann", "stack.deploy"])
    assert rows[2][3:5] == ["operation.ended", "operation"]
    assert "\x1b" not in result.stdout
    assert server.requests[0].query == {"limit": "50", "stack": "shop", "kind": "operation.*"}


def test_more_lines_than_a_page_are_gathered(crane, server):
    pages = [{"items": [line(n) for n in range(1500, 500, -1)], "next": 501}, {"items": [line(500)], "next": 500}]
    server.plays("GET", "timeline", *pages)

    lines = json.loads(crane("timeline", "-n", "1001", "-o", "json").stdout)

    assert [each["number"] for each in lines["items"]] == list(range(1500, 499, -1))
    assert [request.query for request in server.requests] == [{"limit": "1000"}, {"limit": "1", "after": "501"}]


def test_no_lines_are_told(crane, server):
    server.plays("GET", "timeline", {"items": [], "next": None})

    assert crane("timeline").stderr == "There are no such lines.\n"


@pytest.mark.parametrize(("given", "ago"), [("2h", 7200), ("90s", 90), ("1.5d", 129600)])
def test_moment_may_be_how_long_ago(crane, server, given, ago):
    server.plays("GET", "timeline", {"items": [], "next": None})

    crane("timeline", "--since", given)

    sent = datetime.fromisoformat(server.requests[0].query["since"])
    assert abs(datetime.now(UTC) - timedelta(seconds=ago) - sent) < timedelta(seconds=60)


def test_moment_is_sent_in_utc(crane, server):
    server.plays("GET", "timeline", {"items": [], "next": None})

    crane("timeline", "--since", "2026-05-04T14:00+02:00", "--until", "2026-05-05")

    query = server.requests[0].query
    assert query["since"] == "2026-05-04T12:00:00Z"
    assert query["until"].endswith("Z")


@pytest.mark.parametrize("given", ["yesterday", "2x", "2026-13-01", ""])
def test_what_is_no_moment_is_refused(crane, server, given):
    result = crane("timeline", "--since", given)

    assert result.exit_code == 2
    assert "is no moment" in result.stderr
    assert server.requests == []


def test_options_before_another_command_are_refused(crane, server):
    result = crane("timeline", "--stack", "shop", "export")

    assert (result.exit_code, result.stderr) == (2, "Error: Options of export stand after its name.\n")


def test_following_goes_on_after_the_connection_was_lost(crane, server, drop, pauses):
    server.plays("GET", "timeline", {"items": [line(7)], "next": None})
    forbidden = (403, {"code": "forbidden", "detail": "You may not."})
    server.plays("GET", "timeline/follow", [line(8), drop], [line(9)], forbidden)

    result = crane("timeline", "--follow", "--by", "ann")

    assert [row.split()[0] for row in result.stdout.splitlines()] == ["NUMBER", "7", "8", "9"]
    followed = server.sent("GET", "timeline/follow")
    assert [request.query for request in followed] == [{"after": str(n), "by": "ann"} for n in (7, 8, 9)]
    assert len(pauses) == 2
    assert result.exit_code == 1


def test_what_is_followed_is_no_json(crane, server):
    server.plays("GET", "timeline", {"items": [line(7)], "next": None})

    assert crane("timeline", "-f", "-o", "json").exit_code == 2


def test_line_is_shown_with_its_changes_and_the_verdict(crane, server, plan):
    detail = {"changes": plan()["changes"][:1]}
    ended = line(9, kind="operation.ended", detail={"verdict": {"outcome": "failed", "cause": "No such image."}})
    server.plays("GET", "timeline/7", line(7, address="10.0.0.1", detail=detail, related=[ended]))

    told = crane("timeline", "show", "7").stdout

    assert "By:        ann from 10.0.0.1" in told
    assert "update service shop_web\n    /TaskTemplate/ContainerSpec/Image\n      - nginx:1\n      + nginx:2\n" in told
    assert "Verdict:   No such image." in told
    assert "operation.ended" in told
    assert json.loads(crane("timeline", "show", "7", "-o", "json").stdout)["number"] == 7


def test_export_goes_to_standard_output_or_to_a_file(crane, server, tmp_path):
    server.plays("GET", "timeline/export", b'{"number":1}\n')

    assert crane("timeline", "export").stdout == '{"number":1}\n'
    crane("timeline", "export", "--to", "all.csv", "--format", "csv", "--stack", "shop")

    assert (tmp_path / "all.csv").read_bytes() == b'{"number":1}\n'
    assert (tmp_path / "all.csv").stat().st_mode & 0o777 == 0o600
    assert server.requests[1].query == {"format": "csv", "stack": "shop"}
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


def test_export_that_is_refused_leaves_no_file(crane, server, tmp_path):
    server.plays("GET", "timeline/export", (403, {"code": "forbidden", "detail": "You may not."}))

    result = crane("timeline", "export", "--to", "all.ndjson")

    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    assert crane("timeline", "export", "--to", "no/such/folder").exit_code == 2


PROOF = {"intact": True, "lines": 9, "first": 1, "last": 9, "hash": "a" * 64, "broken": None}


def test_intact_timeline_is_told_with_its_hash(crane, server):
    server.plays("GET", "timeline/check", PROOF)

    result = crane("timeline", "check", "--number", "4", "--hash", "b" * 64)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "9 lines are there as they were written, 1 to 9.",
        f"The hash of line 9 is {'a' * 64}",
    ]
    assert server.requests[0].query == {"number": "4", "hash": "b" * 64}


def test_broken_timeline_fails(crane, server):
    broken = {"number": 4, "kind": "missing", "detail": "The line 4 is missing."}
    server.plays("GET", "timeline/check", {**PROOF, "intact": False, "broken": broken})

    result = crane("timeline", "check")

    assert (result.exit_code, result.stdout) == (1, "The timeline is broken. The line 4 is missing.\n")
    assert crane("timeline", "check", "-o", "json").exit_code == 1
