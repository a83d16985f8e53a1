"""crane node and crane swarm: nodes are shown, changed, drained and joined."""

from __future__ import annotations

import json
from typing import Any

import pytest

AMOUNT = {"cpus": 4.0, "memory_bytes": 8 * 2**30, "generic": {"gpu": 2}}
NODE: dict[str, Any] = {
    "ID": "n" * 25,
    "name": "node2",
    "role": "worker",
    "state": "down",
    "availability": "active",
    "leader": False,
    "address": "10.0.0.2",
    "engine_version": "28.2",
    "tasks_running": 3,
    "CreatedAt": "2026-01-01T00:00:00Z",
    "Spec": {"Labels": {"ssd": "true", "plain": ""}},
    "Description": {"Platform": {"OS": "linux", "Architecture": "x86_64"}, "Engine": {"Labels": {"rack": "7\x1b"}}},
    "Status": {"State": "down", "Message": "heartbeat failure"},
    "capacity": {
        "total": AMOUNT,
        "reserved": {"cpus": 0.5, "memory_bytes": 2**29, "generic": {}},
        "limited": {"cpus": 5.0, "memory_bytes": 2**34, "generic": {}},
        "free": {"cpus": 3.5, "memory_bytes": 8 * 2**30 - 2**29, "generic": {"gpu": 2}},
        "unlimited_tasks": 1,
    },
    "sources": [],
}
PLAN: dict[str, Any] = {
    "node": "node2",
    "availability": "drain",
    "tasks": [
        {
            "name": "shop_db.1", "outcome": "moves", "node": "node3", "why": None,
            "notes": [{"code": "local-volume", "detail": "Its volume data stays on node2."}],
        },
        {"name": "shop_web.2", "outcome": "pending", "node": None, "why": "no suitable node: 1 drained", "notes": []},
        {"name": "shop_agent.node2", "outcome": "stops", "node": None, "why": None, "notes": []},
        {"name": "later\x1b.1", "outcome": "somersaults", "node": None, "why": None, "notes": []},
    ],
    "counts": {"moves": 1, "pending": 1, "stops": 1, "ends": 0, "stays": 0},
    "hidden": 2,
    "sources": [],
}  # fmt: skip
SWARM: dict[str, Any] = {
    "ID": "s" * 25,
    "nodes": 5,
    "managers": 3,
    "managers_reachable": 3,
    "spare_managers": 1,
    "task_history_limit": 5,
    "heartbeat_seconds": 5.0,
    "certificate_expiry_seconds": 7776000.0,
    "autolock": False,
    "RootRotationInProgress": False,
    "DefaultAddrPool": ["10.0.0.0/8"],
    "DataPathPort": 4789,
}


def test_nodes_that_are_ready_and_whose_engines_are_silent_are_marked(crane, server):
    found = {"reached": {}, "silent": {}, "drained": {"availability": "drain"}, "down": {"state": "down"}}
    nodes = [{**NODE, "state": "ready", **more, "ID": name, "name": name} for name, more in found.items()]
    engines = [{"node_id": name, "state": "fresh" if name == "reached" else "stale"} for name in found]
    server.plays("GET", "nodes", {"items": nodes, "total": 4})
    server.plays("GET", "engines", {"items": engines, "total": 4})

    printed = crane("node", "ls").stdout.splitlines()[1:]

    marked = {line.split()[1]: "Ready (not reached)" in line for line in printed}
    assert marked == {"reached": False, "silent": True, "drained": False, "down": False}


def test_nodes_are_listed_for_who_may_not_know_of_their_engines(crane, server):
    server.plays("GET", "nodes", {"items": [{**NODE, "state": "ready"}], "total": 1})
    server.plays("GET", "engines", (403, {"code": "forbidden", "detail": "No."}))

    assert " Ready " in crane("node", "ls").stdout


def test_node_is_shown_with_what_it_has(crane, server):
    server.plays("GET", "nodes/node2", NODE)

    result = crane("node", "show", "node2")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "State: down (heartbeat failure)" in lines
    assert "Labels: plain, ssd=true" in lines
    assert "Labels of the Engine: rack=7\\x1b" in lines
    assert "Platform: linux/x86_64" in lines
    assert lines[-4:] == ["Total 4 8 GiB 2 gpu", "Reserved 0.5 512 MiB", "Limited 5 16 GiB", "Free 3.5 7.5 GiB 2 gpu"]
    assert "1 of its tasks has no limit of memory." in result.stderr
    assert json.loads(crane("node", "show", "node2", "-o", "json").stdout) == NODE


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"state": "fresh", "via": "agent", "error": ""}, "Engine is reached: yes, by agent"),
        (
            {"state": "never", "via": None, "error": "Nothing leads there."},
            "Engine is reached: no: Nothing leads there.",
        ),
    ],
)
def test_node_says_whether_its_engine_is_reached(crane, server, engine, said):
    others = [{"node_id": "m" * 25, "node": "node22", "state": "fresh", "via": "socket"}]
    server.plays("GET", "nodes/node2", NODE)
    server.plays("GET", "engines", {"items": [*others, {"node_id": "n" * 25, "node": "node2", **engine}], "total": 2})

    assert said in [" ".join(line.split()) for line in crane("node", "show", "node2").stdout.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (
            ("update", "node2", "--label-add", "ssd=true", "--label-add", "a=b=c", "--label-rm", "old"),
            {"labels": {"old": None, "ssd": "true", "a": "b=c"}},
        ),
        (
            ("update", "node2", "--role", "manager", "--availability", "pause"),
            {"role": "manager", "availability": "pause"},
        ),
        (("promote", "node2"), {"role": "manager"}),
        (("demote", "node2"), {"role": "worker"}),
        (("activate", "node2"), {"availability": "active"}),
        (("pause", "node2"), {"availability": "pause"}),
    ],
)
def test_node_is_changed(crane, server, arguments, body):
    server.plays("PATCH", "nodes/node2", NODE)

    assert crane("node", *arguments).stdout == "node2\n"

    [sent] = server.sent("PATCH", "nodes/node2")
    assert sent.body == body


def test_change_of_nothing_is_wrong_use(crane, server):
    result = crane("node", "update", "node2")

    assert (result.exit_code, server.requests) == (2, [])
    assert "Say what to change" in result.stderr


def test_what_the_server_refuses_is_told(crane, server):
    detail = "node1 is the only manager, and a Swarm needs one."
    server.plays("PATCH", "nodes/node1", (409, {"code": "last-manager", "detail": detail}))

    result = crane("node", "demote", "node1")

    assert (result.exit_code, result.stderr) == (1, f"Error: {detail}\n")


def test_nodes_are_removed(crane, server):
    server.plays("DELETE", "nodes/a", (204, b""))
    server.plays("DELETE", "nodes/b", (204, b""))

    assert crane("node", "rm", "a", "b").stdout == "a\nb\n"
    assert crane("node", "rm", "--force", "a").exit_code == 0

    assert [request.query for request in server.sent("DELETE", "nodes/a")] == [{}, {"force": "true"}]


def test_plan_of_a_drain_is_shown(crane, server):
    server.plays("GET", "nodes/node2/drain-plan", PLAN)

    result = crane("node", "drain-plan", "node2")

    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "shop_db.1 moves to node3",
        "shop_web.2 waits no suitable node: 1 drained",
        "shop_agent.node2 stops",
        "later\\x1b.1 somersaults",
        "shop_db.1: Its volume data stays on node2.",
        "node2: moves 1, pending 1, stops 1.",
        "2 of these tasks you may not see.",
    ]
    assert json.loads(crane("node", "drain-plan", "node2", "--pause", "-o", "json").stdout) == PLAN
    assert server.requests[-1].query == {"availability": "pause"}


def test_drain_shows_what_it_does_and_asks(crane, server):
    server.plays("GET", "nodes/node2/drain-plan", PLAN)
    server.plays("PATCH", "nodes/node2", NODE)

    unasked = crane("node", "drain", "node2")
    sent = list(server.sent("PATCH", "nodes/node2"))
    wanted = crane("node", "drain", "node2", "--yes")

    assert (unasked.exit_code, sent) == (2, [])
    assert "shop_web.2" in unasked.stdout
    assert "--yes" in unasked.stderr
    assert wanted.exit_code == 0
    assert "shop_web.2" in wanted.stdout
    assert [request.body for request in server.sent("PATCH", "nodes/node2")] == [{"availability": "drain"}]


def test_tasks_of_a_node_are_listed(crane, server):
    task = {"ID": "t" * 25, "name": "shop_web.1", "node": "node2", "image": "nginx:1", "ServiceID": "s", "Slot": 1}
    server.plays("GET", "nodes/node2/tasks", {"items": [task], "total": 1})

    assert "shop_web.1" in crane("node", "tasks", "node2").stdout
    assert crane("node", "tasks", "node2", "-q").stdout == f"{'t' * 25}\n"


def test_engine_is_joined_with_its_certificates(crane, server, tmp_path):
    server.plays("POST", "nodes", (201, NODE))
    files = {}
    for name in ("ca", "cert", "key"):
        files[name] = tmp_path / f"{name}.pem"
        files[name].write_text(f"text of {name}")
    options = [part for name, file in files.items() for part in (f"--tls-{name}", str(file))]

    result = crane(
        "node", "join", "tcp://10.0.0.2:2376", *options, "--label-add", "ssd=true", "--role", "manager",
        "--advertise-addr", "10.0.0.2",
    )  # fmt: skip

    assert result.stdout == "node2\n"
    [sent] = server.sent("POST", "nodes")
    assert sent.body == {
        "url": "tcp://10.0.0.2:2376",
        "role": "manager",
        "availability": "active",
        "labels": {"ssd": "true"},
        "advertise_address": "10.0.0.2",
        "tls": {"ca": "text of ca", "certificate": "text of cert", "key": "text of key"},
    }


def test_half_of_the_certificates_is_wrong_use(crane, server, tmp_path):
    (tmp_path / "ca.pem").write_text("x")

    assert crane("node", "join", "tcp://h:1", "--tls-ca", str(tmp_path / "ca.pem")).exit_code == 2
    assert server.requests == []


def test_swarm_is_shown(crane, server):
    server.plays("GET", "swarm", SWARM)

    lines = [" ".join(line.split()) for line in crane("swarm", "show").stdout.splitlines()]

    assert "Managers: 3 of 3 answer; 1 may be lost" in lines
    assert "Nodes tell that they live every: 5 s" in lines
    assert "Certificates are good for: 90 days" in lines
    server.plays("GET", "swarm", {**SWARM, "managers_reachable": 1, "spare_managers": -1})
    assert "nothing can be changed" in crane("swarm", "show").stdout


def test_swarm_is_made(crane, server):
    server.plays("POST", "swarm/init", (201, {"node_id": "abc"}))

    result = crane("swarm", "init", "--advertise-addr", "10.0.0.1", "--default-addr-pool", "10.20.0.0/16", "--autolock")

    assert result.stdout == "abc\n"
    [sent] = server.sent("POST", "swarm/init")
    assert sent.body == {"advertise_address": "10.0.0.1", "address_pools": ["10.20.0.0/16"], "autolock": True}


def test_swarm_is_changed(crane, server):
    server.plays("PATCH", "swarm", {**SWARM, "autolock": True})

    result = crane(
        "swarm", "update", "--task-history-limit", "0", "--dispatcher-heartbeat", "2500ms", "--autolock",
        "--label-rm", "old", "--label-add", "a=b",
    )  # fmt: skip

    [sent] = server.sent("PATCH", "swarm")
    assert sent.body == {
        "task_history_limit": 0,
        "heartbeat_seconds": 2.5,
        "autolock": True,
        "labels": {"old": None, "a": "b"},
    }
    assert "crane swarm unlock-key" in result.stderr
    assert crane("swarm", "update").exit_code == 2


def test_tokens_are_printed_and_replaced(crane, server):
    server.plays("GET", "swarm/join-tokens", {"worker": "SWMTKN-w", "manager": "SWMTKN-m"})
    server.plays("POST", "swarm/join-tokens/rotate", (204, b""))

    assert crane("swarm", "tokens").stdout == "worker: SWMTKN-w\nmanager: SWMTKN-m\n"
    assert crane("swarm", "tokens", "manager", "--rotate").stdout == "SWMTKN-m\n"
    crane("swarm", "tokens", "--rotate")

    bodies = [request.body for request in server.sent("POST", "swarm/join-tokens/rotate")]
    assert bodies == [{"roles": ["manager"]}, {"roles": ["worker", "manager"]}]


def test_join_command_is_printed(crane, server):
    server.plays("GET", "swarm/join-command", {"command": "docker swarm join --token x a:2377"})

    assert crane("swarm", "join-command").stdout == "docker swarm join --token x a:2377\n"
    assert crane("swarm", "join-command", "manager").exit_code == 0
    assert [request.query for request in server.requests] == [{"role": "worker"}, {"role": "manager"}]


def test_authority_is_replaced(crane, server, tmp_path):
    server.plays("POST", "swarm/ca/rotate", {**SWARM, "RootRotationInProgress": True})
    for name in ("cert", "key"):
        (tmp_path / name).write_text(name)

    assert crane("swarm", "rotate-ca").exit_code == 2
    assert crane("swarm", "rotate-ca", "--yes", "--cert", str(tmp_path / "cert")).exit_code == 2
    assert "being given" in crane("swarm", "rotate-ca", "--yes").stdout
    crane("swarm", "rotate-ca", "--yes", "--cert", str(tmp_path / "cert"), "--key", str(tmp_path / "key"))

    bodies = [request.body for request in server.sent("POST", "swarm/ca/rotate")]
    assert bodies == [{}, {"certificate": "cert", "key": "key"}]


def test_unlock_key_is_printed_replaced_and_used(crane, server):
    server.plays("GET", "swarm/unlock-key", {"unlock_key": "SWMKEY-1-x"})
    server.plays("POST", "swarm/unlock-key/rotate", (204, b""))
    server.plays("POST", "swarm/unlock", (204, b""))

    assert crane("swarm", "unlock-key").stdout == "SWMKEY-1-x\n"
    assert crane("swarm", "unlock-key", "--rotate").stdout == "SWMKEY-1-x\n"
    assert crane("swarm", "unlock", input="SWMKEY-1-x\n").exit_code == 0

    assert [request.body for request in server.sent("POST", "swarm/unlock")] == [{"unlock_key": "SWMKEY-1-x"}]
