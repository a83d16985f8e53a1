"""One way to write nodes, durations and the names of commands, whichever command takes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

NOTHING = {"token": "t1", "bytes": 0, "count": 0, "nodes": []}
EMPTY = {"items": [], "total": 0}
WAYS = [("--node", "node2,node3"), ("--node", "node2", "--node", "node3"), ("--node", "node2, node3,")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["container", "image", "volume"])
def test_nodes_to_prune_are_repeated_or_separated_by_commas(crane, server, kind, way):
    server.plays("GET", f"{kind}s/prune", NOTHING)

    assert crane(kind, "prune", "--dry-run", *way).exit_code == 0
    assert server.requests[0].query["node"] == "node2,node3"


@pytest.mark.parametrize("way", WAYS)
def test_nodes_of_images_and_of_what_is_used_are_written_alike(crane, server, way):
    server.plays("POST", "images/tag", {"nodes": []})
    server.plays("DELETE", "images/shop", {"nodes": []})
    server.plays("POST", "images/pull", [{"node": None, "state": "done", "pulled": 2, "current": 0, "failed": 0}])
    server.plays("GET", "stats/containers", EMPTY)

    for told in (
        crane("image", "tag", "shop:1", "shop:2", *way),
        crane("image", "pull", "shop:1", *way),
        crane("image", "rm", "-y", "shop", *way),
        crane("top", "containers", "--once", *way),
    ):
        assert told.exit_code == 0, told.output
    tag, pull, rm, top = server.requests
    assert tag.body["nodes"] == pull.body["nodes"] == ["node2", "node3"]
    assert rm.query["node"] == top.query["node"] == "node2,node3"


@pytest.mark.parametrize(("text", "seconds"), [("90d", 7776000), ("2160h", 7776000), ("7776000", 7776000)])
def test_certificates_last_as_long_as_is_written(crane, server, text, seconds):
    server.plays("PATCH", "swarm", {"ID": "s"})

    assert crane("swarm", "update", "--cert-expiry", text).exit_code == 0
    assert server.requests[0].body == {"certificate_expiry_seconds": seconds}


@pytest.mark.parametrize(("text", "seconds"), [("5", 5), ("90s", 90), ("1m30s", 90)])
def test_time_to_stop_is_a_duration(crane, server, text, seconds):
    server.plays("POST", "containers/web/stop", {"name": "web"})

    assert crane("container", "stop", "-y", "-t", text, "web").exit_code == 0
    assert server.requests[0].body == {"timeout": seconds}


@pytest.mark.parametrize("text", ["5m", "300", "300s"])
def test_agent_is_waited_for_as_long_as_is_written(crane, server, text):
    server.plays("POST", "agent", {"state": "settled"})
    server.plays("GET", "engines", EMPTY)

    assert crane("agent", "install", "--timeout", text).exit_code == 0


@pytest.mark.parametrize(("text", "ago"), [("90d", timedelta(days=90)), ("1h30m", timedelta(minutes=90))])
def test_how_long_ago_is_a_duration_too(crane, server, text, ago):
    server.plays("GET", "task-history", EMPTY)

    assert crane("task", "history", "--since", text).exit_code == 0
    asked = datetime.fromisoformat(server.requests[0].query["since"])
    assert abs(datetime.now(UTC) - ago - asked) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("node", "inspect", "a"), "nodes/a"),
        (("container", "inspect", "a"), "containers/a"),
        (("image", "inspect", "a"), "images/a"),
        (("volume", "inspect", "a"), "volumes/a"),
        (("swarm", "inspect"), "swarm"),
        (("service", "show", "a"), "services/a"),
        (("task", "show", "a"), "tasks/a"),
        (("stack", "show", "a"), "stacks/a"),
        (("network", "show", "a"), "networks/a"),
        (("secret", "show", "a"), "secrets/a"),
        (("config", "show", "a"), "configs/a"),
        (("node", "ps", "a"), "nodes/a/tasks"),
        (("service", "tasks", "a"), "services/a/tasks"),
    ],
)
def test_command_is_found_by_the_name_that_others_have(crane, server, command, path):
    server.plays("GET", path, {"name": "a", **EMPTY})
    for inner in ("services", "containers"):
        server.plays("GET", f"{path}/{inner}", EMPTY)

    told = crane(*command)

    assert told.exit_code == 0, told.output
    assert server.requests[0].path == f"/api/v1/{path}"


def test_no_command_is_made_up(crane):
    assert "No such command 'show'" in crane("operation", "show", "o1").stderr


def test_label_of_a_volume_is_short(crane, server):
    server.plays("POST", "volumes", {"id": "node2/data"})

    assert crane("volume", "create", "data", "--node", "node2", "-l", "tier=db").exit_code == 0
    assert server.requests[0].body["labels"] == {"tier": "db"}
