"""crane top, events, doctor and dashboard: what is asked for, and what is shown."""

from __future__ import annotations

import json

import pytest

ROW = {
    "id": "s1",
    "name": "shop_web",
    "stack": "shop",
    "service": "shop_web",
    "node": None,
    "cpu": 0.5,
    "cpu_limit": 1.0,
    "cpu_percent": 50.04,
    "memory": 64 * 2**20,
    "memory_limit": None,
    "memory_percent": None,
    "network_received": 2048.0,
    "network_sent": None,
    "disk_read": 0.0,
    "disk_written": 0.0,
    "pids": 6.0,
    "containers": 2,
    "missing": 1,
    "stale": False,
    "sampled_at": "2026-01-01T00:00:00.000Z",
}
FRESH = {"name": "node1", "state": "fresh", "age": 0.1}
STALE = {"name": "node2", "state": "stale", "age": 75.0, "error": "It is gone"}
USED = {"items": [ROW], "total": 1, "version": "v", "sources": [FRESH, STALE]}


def event(number, **members):
    return {
        "cursor": f"e-{number}",
        "number": number,
        "at": "2026-01-01T00:00:00Z",
        "source": "node",
        "kind": "container.die",
        "name": "web",
        "id": "c",
        "node": "node1",
        "stack": None,
        "service": None,
        "by": "",
        "detail": {"exitCode": "1", "image": "nginx"},
        **members,
    }


class TestTop:
    def test_who_uses_most_is_shown_in_units_that_fit(self, crane, server):
        server.plays("GET", "stats/services", USED)

        result = crane("top")

        assert result.exit_code == 0
        heading, row = result.stdout.splitlines()
        assert heading.split()[:3] == ["NAME", "CPU", "CPU"]
        assert row.split() == [
            *(
                "shop_web",
                "0.50",
                "50.0",
                "64.0",
                "MiB",
                "2.0",
                "KiB/s",
                "0",
                "bytes/s",
                "0",
                "bytes/s",
                "6",
                "2",
                "of",
                "3",
            )
        ]
        assert "node2 was read last 1 minute ago: It is gone." in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "query"),
        [
            (("--sort", "memory%"), {"sort": "-memory_percent"}),
            (("--sort", "name", "-n", "5"), {"sort": "name", "limit": "5"}),
            (("--stack", "shop", "--node", "node1"), {"stack": "shop", "node": "node1"}),
        ],
    )
    def test_what_is_wanted_is_asked_for(self, crane, server, arguments, query):
        server.plays("GET", "stats/tasks", USED)

        crane("top", "tasks", "--once", *arguments)

        [asked] = server.sent("GET", "stats/tasks")
        assert query.items() <= asked.query.items()

    def test_program_gets_the_answer(self, crane, server):
        server.plays("GET", "stats/nodes", USED)

        assert json.loads(crane("top", "nodes", "--json").stdout) == USED
        assert json.loads(crane("-o", "json", "top", "nodes").stdout) == USED

    @pytest.mark.parametrize("arguments", [("volumes",), ("--sort", "wealth"), ("-n", "0")])
    def test_wrong_use_is_refused(self, crane, arguments):
        assert crane("top", *arguments).exit_code == 2


class TestEvents:
    def test_last_events_are_listed(self, crane, server):
        server.plays("GET", "events", {"items": [event(1), event(2, by="ann", detail={"text": "It broke."})]})

        result = crane("events", "--filter", "kind=container", "--filter", "kind=task.failed", "--filter", "node=node1")

        assert result.exit_code == 0
        _, first, second = result.stdout.splitlines()
        assert "container.die" in first
        assert first.endswith("exitCode=1, image=nginx")
        assert second.endswith("ann   It broke.")
        [asked] = server.sent("GET", "events")
        assert asked.query == {"limit": "100", "kind": "container,task.failed", "node": "node1"}

    def test_each_event_is_a_line_of_json(self, crane, server):
        server.plays("GET", "events", {"items": [event(1), event(2)]})

        lines = crane("events", "--json").stdout.splitlines()

        assert [json.loads(line)["number"] for line in lines] == [1, 2]

    def test_following_goes_on_after_the_last_event_when_the_connection_drops(self, crane, server, drop, pauses):
        listed = {"items": [event(1)], "cursor": "e-1"}
        server.plays("GET", "events", listed, [event(2), drop], [event(3), event(4)], (403, {"detail": "No more."}))

        result = crane("events", "-f", "--json")

        assert [json.loads(line)["number"] for line in result.stdout.splitlines()] == [1, 2, 3, 4]
        assert [request.query.get("after") for request in server.sent("GET", "events")] == [None, "e-1", "e-2", "e-4"]
        assert server.sent("GET", "events")[1].headers["accept"] == "application/x-ndjson"
        assert result.exit_code == 1
        assert pauses == [0.5, 0.5]

    def test_nothing_that_a_terminal_carries_out_is_printed(self, crane, server):
        server.plays("GET", "events", {"items": [event(1, name="\x1b[2Jweb")]})

        assert "\\x1b[2Jweb" in crane("events").stdout

    def test_all_events_of_a_span_are_listed(self, crane, server):
        older, newer = [event(n) for n in range(1, 8)], [event(n) for n in range(8, 1008)]
        server.plays("GET", "events", {"items": newer, "cursor": "e-1007"}, {"items": older, "cursor": "e-1007"})

        lines = crane("events", "--since", "10m", "--json").stdout.splitlines()

        assert [json.loads(line)["number"] for line in lines] == list(range(1, 1008))
        assert [request.query.get("before") for request in server.sent("GET", "events")] == [None, "e-8"]

    def test_no_event_is_said(self, crane, server):
        server.plays("GET", "events", {"items": []})

        assert "There are no such events." in crane("events").stderr

    @pytest.mark.parametrize("arguments", [("--filter", "colour=red"), ("--since", "never"), ("-n", "0")])
    def test_wrong_use_is_refused(self, crane, arguments):
        assert crane("events", *arguments).exit_code == 2


FINDING = {"code": "clock-skew", "severity": "warning", "what": "It is late.", "where": "node2", "advice": "Mend it."}
UNSEEN = {"code": "unseen", "severity": "unknown", "what": "Nobody knows.", "where": "", "advice": ""}


def report(state):
    findings = [FINDING, UNSEEN] if state == "warning" else [UNSEEN]
    return {
        "state": state,
        "checked_at": "2026-01-01T00:00:00Z",
        "checks": [
            {"name": "clocks", "title": "Clocks of the nodes", "state": state, "findings": findings},
            {"name": "nodes", "title": "Nodes", "state": "ok", "findings": []},
        ],
    }


class TestDoctor:
    def test_findings_are_shown_with_what_to_do(self, crane, server):
        server.plays("GET", "doctor", report("warning"))

        result = crane("doctor", "--fresh")

        assert result.exit_code == 1
        assert [line.strip() for line in result.stdout.splitlines()] == [
            "warning  Clocks of the nodes",
            "warning: It is late.",
            "Mend it.",
            "unknown: Nobody knows.",
            "ok       Nodes",
        ]
        assert server.sent("GET", "doctor")[0].query == {"fresh": "true"}

    def test_only_what_hurts_is_shown_when_asked_for(self, crane, server):
        server.plays("GET", "doctor", report("ok"))

        result = crane("doctor", "-q")

        assert (result.exit_code, result.stdout) == (0, "")
        assert "Nothing hurts." in result.stderr

    def test_program_gets_the_answer(self, crane, server):
        server.plays("GET", "doctor", report("ok"))

        assert json.loads(crane("doctor", "-o", "json").stdout) == report("ok")


DASHBOARD = {
    "nodes": {
        "total": 3,
        "ready": 2,
        "by_state": {"ready": 2, "down": 1},
        "managers": 1,
        "managers_reachable": 1,
        "not_ready": ["node3"],
        "capacity": {"cpus": 8.0, "memory_bytes": 2**34},
        "reserved": {"cpus": 1.0, "memory_bytes": 2**30},
        "used": {"cpus": None, "memory_bytes": None, "nodes": 0},
    },
    "services": {
        "total": 2,
        "converged": 1,
        "troubled": [
            {
                "id": "s2",
                "name": "shop_bad",
                "stack": "shop",
                "state": "degraded",
                "why": "It exits.",
                "why_code": "exits",
                "tasks_running": 0,
                "tasks_desired": 1,
            }
        ],
    },
    "tasks": {"running": 2, "desired": 3, "by_state": {"running": 2}},
    "busiest": {"nodes": [], "services": [ROW]},
    "events": [],
    "sources": [FRESH],
}


def test_dashboard_is_one_screen(crane, server):
    server.plays("GET", "dashboard", DASHBOARD)

    result = crane("dashboard")

    assert result.exit_code == 0
    assert "Nodes:     2 of 3 ready (node3 not)" in result.stdout
    assert "CPU:       unknown used, 1.00 cores reserved, of 8.00 cores" in result.stdout
    assert "shop_bad     degraded   0/1     It exits." in result.stdout
    assert "shop_web" in result.stdout


@pytest.mark.parametrize("output", [[], ["-o", "json"]])
def test_dashboard_of_a_swarm_that_was_never_read_shows_no_figures(crane, server, output):
    never = {"name": "engine", "state": "never", "age": None, "error": "It does not answer."}
    nodes = {**DASHBOARD["nodes"], "total": 0, "ready": 0}
    server.plays("GET", "dashboard", {**DASHBOARD, "nodes": nodes, "sources": [never]})

    result = crane("dashboard", *output)

    assert result.exit_code == 1
    assert "The source engine has never been read: It does not answer." in result.stderr
    assert "Nothing is known of the Swarm." in result.stderr
    assert "Nodes:" not in result.stdout


def test_dashboard_says_on_how_many_nodes_was_measured(crane, server):
    used = {"cpus": 1.5, "memory_bytes": 2**31, "nodes": 1}
    server.plays("GET", "dashboard", {**DASHBOARD, "nodes": {**DASHBOARD["nodes"], "used": used}})

    told = crane("dashboard").stdout

    assert "CPU:       1.50 cores on 1 of 2 nodes used, 1.00 cores reserved, of 8.00 cores" in told
    assert "Memory:    2.0 GiB on 1 of 2 nodes used" in told


def test_usage_falls_back_on_what_the_server_measured(crane, server):
    server.plays("GET", "stats-history/services/shop_web", (404, {"code": "no-prometheus", "detail": "None is set."}))
    server.plays(
        "GET",
        "stats/services/shop_web",
        {
            "pace": 10,
            "figures": [
                {
                    "name": "pids",
                    "unit": "processes",
                    "series": [{"task": None, "points": [[0, 3.0]], "least": 3, "mean": 3, "most": 3}],
                }
            ],
        },
    )

    result = crane("usage", "service", "shop_web")

    assert result.exit_code == 0
    assert "shop_web   PROCESSES   3" in result.stdout
    assert "its own last 24 hours" in result.stderr


def test_usage_of_a_task_is_what_the_server_measured(crane, server):
    server.plays("GET", "stats/tasks/t1", {"pace": 10, "figures": []})

    result = crane("usage", "task", "t1", "--since", "1h")

    assert "Nothing was measured in this time." in result.stderr
    assert "since" in server.sent("GET", "stats/tasks/t1")[0].query
