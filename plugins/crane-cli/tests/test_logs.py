"""crane logs: what is printed of a log, and what becomes of one that drops."""

from __future__ import annotations

import json

import pytest
from crane_cli.seen import Seen

from .conftest import DROP

CONTAINERS = ("a" * 64, "b" * 64)


def line(text, number=1, second=0, **members):
    """Return a line as the server tells it."""
    stamp = f"2026-05-04T12:00:{second:02}.000000000Z"
    return {
        "time": stamp,
        "name": f"shop_web.{number}",
        "task": "t1",
        "service": "shop_web",
        "node": "node1",
        "container": CONTAINERS[number - 1],
        "stream": "stdout",
        "line": text,
        **members,
    }


def source(state, number=1, **members):
    """Return what became of a container as the server tells it."""
    told = {"key": f"k{number}", "name": f"shop_web.{number}", "state": state, "reason": None, "exit_code": None}
    return {"source": {**told, "node": f"node{number}", **members}}


def test_lines_are_printed_with_the_name_of_their_task(crane, server):
    server.plays("GET", "services/shop_web/logs", [source("running"), line("one"), line("two", 2)])

    result = crane("service", "logs", "shop_web", "--tail", "20", "--grep", "o", "-i", "--task", "1", "--since", "5m")

    assert result.stdout.splitlines() == ["shop_web.1 | one", "shop_web.2 | two"]
    assert result.stderr == ""
    [request] = server.requests
    assert request.headers["accept"] == "application/x-ndjson"
    since = request.query.pop("since")
    assert since.endswith("Z")
    assert request.query == {"tail": "20", "grep": "o", "ignore_case": "true", "task": "1"}


def test_names_of_a_stack_are_short_and_times_are_told(crane, server):
    server.plays("GET", "stacks/shop/logs", [line("one", second=7)])

    assert crane("stack", "logs", "shop", "-t").stdout == "2026-05-04T12:00:07.000000000Z web.1 | one\n"


def test_first_kind_that_has_the_target_is_taken(crane, server):
    server.plays("GET", "tasks/t1", {"id": "t1xyz", "name": "web.1"})
    server.plays("GET", "tasks/t1/logs", [line("of the task")])

    assert "of the task" in crane("logs", "t1").stdout


def test_exact_name_comes_before_the_beginning_of_an_id_of_another_kind(crane, server):
    server.plays("GET", "services/foo", {"id": "foo9x", "name": "shop_web"})
    server.plays("GET", "services/foo/logs", [line("of the service")])
    server.plays("GET", "containers/foo", {"id": "8c1", "name": "foo"})
    server.plays("GET", "containers/foo/logs", [line("of the container")])

    assert "of the container" in crane("logs", "foo").stdout


def test_target_that_is_nothing_is_told_so(crane):
    result = crane("logs", "nothing")

    assert result.exit_code == 2
    assert "There is no service, stack, task or container nothing." in result.stderr


def test_who_may_not_read_is_told_so(crane, server):
    server.plays("GET", "services/web", {"name": "web"})
    server.plays(
        "GET", "services/web/logs", (403, {"code": "forbidden", "detail": "You may not do service:read-logs."})
    )

    assert "You may not do service:read-logs." in crane("logs", "web").stderr


def test_json_is_an_object_a_line(crane, server):
    told = [source("running"), line("one"), {"lost": 3}]
    server.plays("GET", "services/web/logs", told)

    result = crane("service", "logs", "web", "-o", "json")

    assert [json.loads(each) for each in result.stdout.splitlines()] == told


def test_what_becomes_of_containers_is_told_on_standard_error(crane, server):
    told = [
        source("ended", 1),
        source("following", 2),
        source("unreachable", 2, reason="The node does not answer."),
        source("following", 2),
        source("ended", 2, exit_code=3),
        {"lost": 12},
    ]
    server.plays("GET", "services/web/logs", told)

    result = crane("service", "logs", "web")

    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Warning: Nothing comes from shop_web.2 on node2: The node does not answer.",
        "shop_web.2 on node2 is followed again.",
        "shop_web.2 on node2 has ended with exit code 3.",
        "Warning: 12 lines were left out: they came faster than they were read.",
    ]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([source("running"), source("unreachable"), source("unreachable", 2)], 1),
        ([source("unreachable"), source("running", 2)], 0),
        ([source("unreachable"), source("ended", 2)], 0),
        ([source("running"), line("one"), source("unreachable")], 0),
        ([], 0),
    ],
)
@pytest.mark.parametrize("form", [(), ("-o", "json")])
def test_log_of_which_nothing_could_be_read_is_no_success(crane, server, told, status, form):
    server.plays("GET", "services/web/logs", told)

    result = crane("service", "logs", "web", *form)

    assert result.exit_code == status
    assert ("Nothing of it could be read." in result.stderr) == (status == 1)


def test_log_that_drops_is_taken_up_without_losing_or_doubling_a_line(crane, server):
    first = [line("one", second=1), line("two", 2, second=2), line("three", second=3), DROP]
    second = [line("two", 2, second=2), line("three", second=3), line("four", second=3), line("five", 2, second=4)]
    problem = {"code": "not-found", "detail": "The service is gone."}
    server.plays("GET", "services/web/logs", first, second, (404, problem))

    result = crane("service", "logs", "web", "-f", "--tail", "3")

    assert [row.partition("| ")[2] for row in result.stdout.splitlines()] == ["one", "two", "three", "four", "five"]
    assert "Connecting again." in result.stderr
    assert "The service is gone." in result.stderr
    asked = [request.query for request in server.requests]
    assert asked[0] == {"tail": "3", "follow": "true"}
    assert asked[1] == {"tail": "all", "follow": "true", "since": "2026-05-04T12:00:02.000000000Z"}


def test_silent_container_does_not_make_everything_come_again():
    now = [0.0]
    seen = Seen(lambda: now[0])
    assert seen.since is None
    seen.note(line("old", 1, second=1))
    now[0] = 100.0
    seen.note(line("new", 2, second=50))

    assert seen.since == "2026-05-04T12:00:50.000000000Z"
    assert not seen.note(line("new", 2, second=50))
    assert not seen.note(line("long ago", 2, second=49))
    now[0] = 1000.0
    assert seen.since == "2026-05-04T12:00:50.000000000Z"


@pytest.mark.parametrize(
    "arguments",
    [("--tail", "many"), ("--since", "soon"), ("--stream", "both"), ("-f", "--until", "1m"), ("-o", "yaml")],
)
def test_wrong_use_is_told_before_anything_is_asked(crane, server, arguments):
    assert crane("service", "logs", "web", *arguments).exit_code == 2
    assert server.requests == []


def test_what_a_terminal_would_carry_out_is_not_printed_on_one():
    from crane_cli.commands.logs import _tame

    assert (
        _tame("\x1b[31mred\x1b[0m\tand \x1b]0;title\x07\x1b[2J")
        == "\x1b[31mred\x1b[0m\tand \\x1b]0;title\\x07\\x1b[2J\x1b[0m"
    )
