"""What the lists show, as tables and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from crane_cli.output import describe_time, parse_time

SERVICES = [
    {
        "ID": "abcdefghijklmnop",
        "name": "shop_web",
        "stack": "shop",
        "mode": "replicated",
        "image": "nginx:1@sha256:00",
        "tasks_running": 1,
        "tasks_desired": 2,
        "ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080}],
        "state": "degraded",
        "why": "no suitable node",
        "Spec": {"Labels": {"tier": "front"}},
    },
    {
        "ID": "bbcdefghijklmnop",
        "name": "shop_job",
        "stack": "shop",
        "mode": "replicated-job",
        "image": "busybox",
        "tasks_running": 0,
        "tasks_desired": 3,
        "tasks_completed": 3,
        "ports": [],
        "state": "converged",
        "why": None,
        "Spec": {"Labels": {}},
    },
]


def make_task(identifier, slot, created, state, desired, **more):
    return {
        "ID": identifier, "ServiceID": "s", "Slot": slot, "NodeID": "n", "CreatedAt": created, "DesiredState": desired,
        "Status": {"Timestamp": created, "State": state}, "name": f"shop_web.{slot}", "service": "shop_web",
        "image": "nginx:1", "node": "w1", **more,
    }  # fmt: skip


TASKS = [
    make_task(
        "old0000000000", 1, "2026-01-01T00:00:01Z", "failed", "shutdown", error="task: non-zero exit (1)", exit_code=1
    ),
    make_task("new0000000000", 1, "2026-01-01T00:00:02Z", "running", "running"),
    make_task("two0000000000", 2, "2026-01-01T00:00:01Z", "failed", "shutdown", exit_code=137),
    make_task("one0000000000", 1, "2026-01-01T00:00:00Z", "shutdown", "shutdown", exit_code=143),
]


@pytest.fixture
def swarm(server):
    for path in ("services", "stacks/shop/services"):
        server.plays("GET", path, {"items": SERVICES, "total": 2})
    for path in ("tasks", "stacks/shop/tasks"):
        server.plays("GET", path, {"items": TASKS, "total": 4})
    slots = [
        {"slot": 1, "current": TASKS[1], "earlier": [TASKS[0], TASKS[3]]},
        {"slot": 2, "current": TASKS[2], "earlier": []},
    ]
    server.plays("GET", "services/shop_web/tasks", {"items": slots, "total": 2})
    return server


def columns(result):
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in result.stdout.splitlines()]


@pytest.mark.parametrize("command", [("service", "ls"), ("stack", "services", "shop")])
def test_services_are_listed_as_docker_lists_them(crane, swarm, command):
    assert columns(crane(*command)) == [
        ["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS", "STATE"],
        ["abcdefghijkl", "shop_web", "replicated", "1/2", "nginx:1", "*:8080->80/tcp", "degraded: no suitable node"],
        ["bbcdefghijkl", "shop_job", "replicated-job", "0/3 (3 completed)", "busybox", "converged"],
    ]


@pytest.mark.parametrize("command", [("task", "ls"), ("stack", "ps", "shop"), ("service", "ps", "shop_web")])
def test_tasks_are_listed_by_slot_with_their_earlier_attempts_and_errors(crane, swarm, command):
    rows = columns(crane(*command))

    assert rows[0] == ["ID", "NAME", "IMAGE", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR"]
    assert [row[:2] for row in rows[1:]] == [
        ["new000000000", "shop_web.1"],
        ["old000000000", "\\_ shop_web.1"],
        ["one000000000", "\\_ shop_web.1"],
        ["two000000000", "shop_web.2"],
    ]
    assert [row[6:] for row in rows[1:]] == [[], ["task: non-zero exit (1)"], [], ["(exit code 137)"]]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["name=web.1"], ["new0000000000", "old0000000000", "one0000000000"]),
        (["state=failed"], ["old0000000000", "two0000000000"]),
        (["desired-state=running"], ["new0000000000"]),
        (["id=new", "id=two"], ["new0000000000", "two0000000000"]),
        (["state=failed", "id=two"], ["two0000000000"]),
    ],
)
def test_filters_choose_tasks(crane, swarm, filters, ids):
    result = crane("stack", "ps", "-q", *(part for told in filters for part in ("--filter", told)), "shop")

    assert result.stdout.split() == ids


@pytest.mark.parametrize(
    ("told", "names"),
    [("label=tier=front", "shop_web"), ("label=tier", "shop_web"), ("mode=replicated-job", "shop_job")],
)
def test_filters_choose_services(crane, swarm, told, names):
    answer = json.loads(crane("service", "ls", "--filter", told, "-o", "json").stdout)

    assert ([item["name"] for item in answer["items"]], answer["total"]) == ([names], 1)


def test_unknown_filter_is_wrong_use(crane, swarm):
    result = crane("service", "ls", "--filter", "colour=red")

    assert (result.exit_code, swarm.requests) == (2, [])
    assert "colour=red is none of: id=..., name=..." in result.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_programs_get_the_answer_as_it_is(crane, swarm, place):
    option = ("-o", "json")
    arguments = (*option, "service", "ls") if place == "before" else ("service", "ls", *option)

    assert json.loads(crane(*arguments).stdout) == {"items": SERVICES, "total": 2}


def test_yaml_is_the_same_answer(crane, swarm):
    assert yaml.safe_load(crane("task", "ls", "-o", "yaml").stdout) == {"items": TASKS, "total": 4}


def test_long_list_is_read_page_by_page(crane, server):
    def page(request):
        offset = int(request.query.get("offset", 0))
        return 200, {
            "items": [{"name": f"s{number}"} for number in range(offset, min(offset + 1000, 2500))],
            "total": 2500,
        }

    server.plays("GET", "stacks", page)

    assert len(crane("stack", "ls", "-q").stdout.split()) == 2500
    assert len(server.requests) == 3


def test_empty_list_says_so_on_standard_error(crane, server):
    server.plays("GET", "stacks", {"items": [], "total": 0})

    result = crane("stack", "ls")

    assert (result.stdout, result.stderr) == ("NAME   SERVICES   TASKS   STATE   UPDATED\n", "There are no stacks.\n")


def test_age_of_a_source_that_does_not_answer_is_told(crane, server):
    sources = [{"name": "engine", "state": "stale", "age": 125.2, "error": "connection refused"}]
    server.plays("GET", "stacks", {"items": [], "total": 0, "sources": sources})

    result = crane("stack", "ls")

    assert "Warning: The source engine was read last 2 minutes ago: connection refused." in result.stderr


def test_empty_list_that_was_never_read_does_not_say_that_there_is_nothing(crane, server):
    sources = [{"name": "engine", "state": "never", "age": None, "error": "connection refused"}]
    server.plays("GET", "stacks", {"items": [], "total": 0, "sources": sources})

    result = crane("stack", "ls")

    assert result.stderr == "Warning: The source engine has never been read: connection refused.\n"


def test_escape_sequences_are_shown_and_not_carried_out(crane, server):
    name = "\x1b]0;owned\x07\x9b2J\u202egnp"
    server.plays("GET", "stacks", {"items": [{"name": name, "services": 1, "state": "a\nb"}], "total": 1})
    server.plays("GET", "services/x", (404, {"detail": f"There is no {name}."}))

    result = crane("stack", "ls")
    assert "\\x1b]0;owned\\x07\\x9b2J\\u202egnp" in result.stdout
    assert "a\\nb" in result.stdout
    assert "\\x1b]0;owned" in crane("service", "inspect", "x").stderr
    for output in (result.output, crane("service", "inspect", "x").output):
        assert not set(output) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_nodes_operations_and_plugins_are_listed(crane, server):
    node = {
        "ID": "n" * 20,
        "name": "m1",
        "state": "ready",
        "availability": "active",
        "leader": True,
        "tasks_running": 3,
        "capacity": {
            "total": {"cpus": 4.0, "memory_bytes": 8 * 2**30},
            "reserved": {"cpus": 0.5, "memory_bytes": 2**29},
        },
    }
    server.plays("GET", "nodes", {"items": [{**node, "engine_version": "28.2", "address": "10.0.0.1"}], "total": 1})
    operation = {"id": "o1", "kind": "stack.deploy", "target": "shop", "state": "ended", "by": "ann"}
    verdict = {"outcome": "failed", "cause": "No such image."}
    server.plays("GET", "operations", {"items": [{**operation, "verdict": verdict}], "total": 1})
    plugin = {
        "name": "hello",
        "version": "1",
        "state": "failed",
        "error": "No module named x",
        "requires": ["database"],
    }
    server.plays("GET", "plugins", {"items": [plugin], "total": 1})

    server.plays("GET", "engines", {"items": [{"node_id": "n" * 25, "state": "fresh"}], "total": 1})
    assert columns(crane("node", "ls"))[1] == [
        "n" * 12, "m1", "Ready", "Active", "Leader", "3", "0.5 of 4", "512 MiB of 8 GiB", "28.2", "10.0.0.1",
    ]  # fmt: skip
    assert columns(crane("operation", "ls", "--stack", "shop"))[1] == [
        "o1", "stack.deploy", "shop", "ended: failed", "ann", "No such image.",
    ]  # fmt: skip
    assert server.sent("GET", "operations")[0].query == {"limit": "1000", "stack": "shop"}
    assert columns(crane("plugin", "ls"))[1] == ["hello", "1", "failed", "database", "No module named x"]


DATABASE = {
    "kind": "postgresql",
    "where": "db:5432/crane",
    "size": 3 * 1024 * 1024 + 300 * 1024,
    "plugins": [{"name": "accounts", "revision": "0003", "state": "pending", "pending": 2, "tables": []}],
    "backup": {"made_at": "2026-01-01T00:00:00Z", "bytes": 900},
    "leases": [{"name": "history.prune", "holder": "m1:7:1f3a", "fence": 4, "seconds": 9.1}],
}


def test_database_is_shown(crane, server):
    server.plays("GET", "database", DATABASE)

    lines = crane("database").stdout.splitlines()

    assert lines[0] == "Database: postgresql, db:5432/crane, 3.3 MiB"
    assert lines[1].startswith("Last backup: ")
    assert lines[1].endswith(" ago, 900 bytes")
    assert lines[4].split() == ["accounts", "0003", "pending", "2"]
    assert lines[7].split() == ["history.prune", "m1:7:1f3a"]
    assert json.loads(crane("database", "-o", "json").stdout) == DATABASE


def test_database_without_backup_and_leases_is_shown(crane, server):
    server.plays("GET", "database", {**DATABASE, "backup": None, "leases": []})

    lines = crane("database").stdout.splitlines()

    assert (lines[1], len(lines)) == ("Last backup: none yet", 5)


def test_server_without_database_says_so(crane, server):
    server.plays("GET", "database", (404, {"code": "not-found", "detail": "There is nothing under this address."}))

    result = crane("database")

    assert (result.exit_code, result.stderr) == (1, "Error: There is nothing under this address.\n")


def test_stack_is_given_back_as_a_file(crane, server):
    notes = [{"pointer": "/services/web", "detail": "It is not told."}]
    server.plays("GET", "stacks/shop/compose", {"content": "services:\n\tweb: {}\n", "notes": notes})

    result = crane("stack", "config", "shop")

    assert (result.stdout, result.stderr) == ("services:\n\tweb: {}\n", "Warning: /services/web: It is not told.\n")


def test_stack_is_inspected(crane, server):
    stack = {"name": "shop", "state": "degraded", "services": SERVICES, "networks": ["shop_default"], "configs": []}
    server.plays("GET", "stacks/shop", stack)

    lines = crane("stack", "inspect", "shop").stdout.splitlines()

    assert (lines[0], lines[-1]) == ("shop: degraded", "Networks: shop_default")
    assert json.loads(crane("stack", "inspect", "shop", "-o", "json").stdout) == stack


def test_what_is_not_there_is_told(crane, server):
    server.plays("GET", "services/x", (404, {"code": "not-found", "detail": "There is no service x."}))

    result = crane("service", "inspect", "x")

    assert (result.exit_code, result.stderr) == (1, "Error: There is no service x.\n")


def test_names_are_quoted_in_the_path(crane, server):
    crane("service", "inspect", "../nodes/x?y")

    assert server.requests[0].path == "/api/v1/services/..%2Fnodes%2Fx%3Fy"


@pytest.mark.parametrize(
    ("ago", "said"),
    [(0, "0 seconds ago"), (1, "1 second ago"), (61, "1 minute ago"), (7300, "2 hours ago"), (90000, "1 day ago")],
)
def test_times_are_told_by_their_age(ago, said):
    now = datetime(2026, 1, 1, tzinfo=UTC)

    assert describe_time((now - timedelta(seconds=ago)).isoformat(), now) == said


@pytest.mark.parametrize(
    "written", ["2026-01-01T00:00:00.123456789Z", "2026-01-01T01:00:00.123456789+01:00", "2026-01-01T00:00:00.123456Z"]
)
def test_times_of_the_engine_are_read(written):
    assert parse_time(written) == datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("written", [None, "", "0001-01-01T00:00:00Z", "yesterday"])
def test_what_is_no_time_is_none(written):
    assert parse_time(written) is None


@pytest.mark.parametrize(
    ("kind", "wish", "there_are"),
    [
        ("node", "role=boss", "manager, worker"),
        ("node", "state=bogus", "ready, down, disconnected, unknown"),
        ("container", "state=bogus", "created, running, paused, restarting, removing, exited, dead"),
        ("container", "health=fine", "starting, healthy, unhealthy"),
        ("image", "in-use=maybe", "yes, true, 1, no, false, 0"),
        ("network", "scope=wide", "swarm, local, global"),
        ("service", "mode=many", "replicated, global, replicated-job, global-job"),
        ("task", "desired-state=alive", "new, allocated"),
    ],
)
def test_value_that_nothing_has_is_refused_with_those_that_there_are(crane, server, kind, wish, there_are):
    told = crane(kind, "ls", "-f", wish)

    assert told.exit_code == 2
    assert f"it is one of: {there_are}" in " ".join(told.stderr.split())
    assert server.requests == []


def test_filters_are_written_with_hyphens_or_underscores(crane, server):
    server.plays("GET", "images", {"items": [], "total": 0})
    server.plays("GET", "task-history", {"items": [], "total": 0})

    assert crane("image", "ls", "-f", "in_use=no").exit_code == 0
    assert crane("task", "history", "-f", "exit-code=137").exit_code == 0
    assert server.requests[-1].query["exit_code"] == "137"


@pytest.mark.parametrize("kind", ["container", "image", "volume", "network"])
def test_server_is_asked_which_node_is_meant(crane, server, kind):
    server.plays("GET", f"{kind}s", (404, {"code": "not-found", "status": 404, "detail": "There is no node nope."}))

    told = crane(kind, "ls", "-f", "node=nope")

    assert (told.exit_code, told.stderr) == (1, "Error: There is no node nope.\n")
    assert server.requests[0].query["node"] == "nope"


def test_server_is_asked_for_tasks_of_nodes_services_and_stacks(crane, server):
    server.plays("GET", "tasks", (404, {"code": "not-found", "status": 404, "detail": "There is no node nope."}))
    server.plays("GET", "stacks/shop/tasks", {"items": [], "total": 0})

    told = crane("task", "ls", "-f", "node=nope", "-f", "service=web", "-f", "service=db", "-f", "stack=shop")
    assert crane("stack", "ps", "shop", "-f", "node=node1").exit_code == 0

    assert (told.exit_code, told.stderr) == (1, "Error: There is no node nope.\n")
    first, second = (request.query for request in server.requests)
    assert (first["node"], first["service"], first["stack"]) == ("nope", "web,db", "shop")
    assert second["node"] == "node1"


def test_graph_says_that_a_stack_has_no_networks(crane, server):
    server.plays("GET", "networks/graph", {"networks": [{"id": "1", "name": "front"}], "services": [], "edges": []})

    told = crane("network", "graph", "--stack", "nope")

    assert told.stderr == "There are no networks of the stack nope that you may see.\n"


def test_secrets_are_filtered_by_whether_a_service_uses_them(crane, server):
    items = [{"ID": "1", "name": "key", "services": 2}, {"ID": "2", "name": "old", "services": 0}]
    server.plays("GET", "secrets", {"items": items, "total": 2})

    assert crane("secret", "ls", "-q", "-f", "used=false").stdout == "2\n"
    assert crane("secret", "ls", "-q", "-f", "used=yes").stdout == "1\n"


def test_networks_are_filtered_by_label(crane, server):
    items = [{"id": "1", "name": "a", "Labels": {"tier": "front"}}, {"id": "2", "name": "b", "Labels": None}]
    server.plays("GET", "networks", {"items": items, "total": 2})

    assert crane("network", "ls", "-q", "-f", "label=tier=front").stdout == "1\n"


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("node show", "nodes/a"),
        ("container show", "containers/a"),
        ("volume show", "volumes/a"),
        ("service inspect", "services/a"),
        ("task inspect", "tasks/a"),
        ("stack inspect", "stacks/a"),
        ("network inspect", "networks/a"),
        ("secret inspect", "secrets/a"),
        ("config inspect", "configs/a"),
    ],
)
def test_what_is_old_of_one_object_is_said(crane, server, command, path, output):
    old = [{"name": "swarm", "state": "stale", "age": 45.2, "error": "It does not answer."}]
    server.plays("GET", path, {"name": "a", "sources": old})
    for inner in ("services", "containers"):
        server.plays("GET", f"{path}/{inner}", {"items": [], "total": 0})

    told = crane(*command.split(), "a", "-o", output)

    assert told.exit_code == 0
    assert "The source swarm was read last 45 seconds ago: It does not answer." in told.stderr
