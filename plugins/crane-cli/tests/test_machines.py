"""What lies and runs on the nodes: containers, images and volumes on the command line."""

from __future__ import annotations

import json

import pytest

CONTAINERS = [
    {
        "id": "abcdefghijklmnop",
        "name": "shop_web.1.xyz",
        "task": "shop_web.1",
        "image": "nginx:1@sha256:00",
        "node": "node2",
        "stack": "shop",
        "service": "shop_web",
        "state": "running",
        "health": "healthy",
        "exit_code": None,
        "fresh": True,
        "warning": "This container is of a task.",
        "Ports": [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"PrivatePort": 53}],
        "Labels": {"tier": "front"},
    },
    {
        "id": "bbcdefghijklmnop",
        "name": "by-hand",
        "task": None,
        "image": "busybox",
        "node": "node3",
        "stack": None,
        "state": "exited",
        "exit_code": 137,
        "fresh": False,
        "warning": None,
        "Ports": [],
        "Labels": {},
    },
]
SOURCES = [{"name": "node3", "state": "stale", "age": 61, "error": "It does not answer."}]
IMAGES = [
    {"id": "sha256:aa11", "name": "nginx:1", "tags": ["nginx:1"], "size": 2**20, "in_use": used, "node": node}
    for node, used in (("node1", False), ("node2", True))
]
PREVIEW = {
    "token": "t1",
    "bytes": 2048,
    "count": 2,
    "nodes": [
        {
            "node": "node1",
            "state": "ready",
            "error": None,
            "bytes": 2048,
            "kept": 1,
            "items": [
                {"id": "1", "name": "old", "bytes": 1024, "detail": "busybox"},
                {"id": "2", "name": "older", "bytes": 1024, "detail": "busybox"},
            ],
        },
        {"node": "node2", "state": "missing", "error": "It hangs.", "bytes": 0, "kept": 0, "items": []},
    ],
}


def came_of(*outcomes):
    items = [
        {**item, "outcome": outcome, "why": None if outcome == "removed" else "It is used."}
        for item, outcome in zip(PREVIEW["nodes"][0]["items"], outcomes, strict=True)
    ]
    done = {"node": "node1", "state": "done", "error": None, "bytes": 2048, "items": items}
    return {"bytes": 2048, "count": outcomes.count("removed"), "nodes": [done]}


def listing(items):
    return {"items": items, "total": len(items), "version": "1", "sources": SOURCES}


def test_containers_are_listed_with_their_node_and_what_does_not_answer(crane, server):
    server.plays("GET", "containers", listing(CONTAINERS))

    told = crane("container", "ls")

    lines = told.stdout.splitlines()
    assert lines[1].split("   ")[0] == "abcdefghijkl"
    assert "shop_web.1" in lines[1]
    assert "running (healthy)" in lines[1]
    assert "0.0.0.0:8080->80/tcp, 53/tcp" in lines[1]
    assert "exited (137), as known last" in lines[2]
    assert "The source node3 was read last 1 minute ago: It does not answer." in told.stderr


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["-q"], ["abcdefghijklmnop", "bbcdefghijklmnop"]),
        (["-q", "-f", "state=exited"], ["bbcdefghijklmnop"]),
        (["-q", "-f", "label=tier=front", "-f", "state=exited"], []),
        (["-q", "-f", "label=tier=front"], ["abcdefghijklmnop"]),
    ],
)
def test_containers_are_filtered(crane, server, options, ids):
    server.plays("GET", "containers", listing(CONTAINERS))

    assert crane("container", "ls", *options).stdout.split() == ids


def test_only_running_ones_are_asked_for(crane, server):
    server.plays("GET", "containers", listing([]))

    crane("container", "ls", "--running")

    assert server.requests[0].query["state"] == "running"


def test_server_is_asked_for_the_containers_of_a_stack_and_refuses_what_is_none(crane, server):
    server.plays("GET", "containers", (404, {"code": "not-found", "detail": "There is no stack nope."}))

    told = crane("container", "ls", "-f", "stack=nope", "-f", "service=a,b", "-f", "node=node2")

    assert (told.exit_code, told.stdout) == (1, "")
    assert "There is no stack nope." in told.stderr
    query = server.requests[0].query
    assert {key: query[key] for key in ("stack", "service", "node")} == {
        "stack": "nope",
        "service": "a,b",
        "node": "node2",
    }


def test_container_of_a_task_is_not_stopped_without_asking(crane, server):
    server.plays("GET", "containers/web", CONTAINERS[0])
    server.plays("POST", "containers/web/stop", CONTAINERS[0])

    told = crane("container", "stop", "web")

    assert told.exit_code == 2
    assert "This container is of a task." in told.stderr
    assert "say --yes if you are sure" in told.stderr
    assert server.sent("POST", "containers/web/stop") == []


def test_container_of_a_task_is_stopped_by_who_is_sure(crane, server):
    server.plays("POST", "containers/web/stop", CONTAINERS[0])

    told = crane("container", "stop", "-t", "3", "--yes", "web")

    assert told.exit_code == 0
    assert "Warning: This container is of a task." in told.stderr
    assert server.sent("POST", "containers/web/stop")[0].body == {"timeout": 3}


def test_container_of_nobody_is_acted_on_at_once(crane, server):
    server.plays("GET", "containers/by-hand", CONTAINERS[1])
    for action in ("start", "stop", "restart", "pause", "unpause", "kill", "rename"):
        server.plays("POST", f"containers/by-hand/{action}", CONTAINERS[1])
        arguments = ["by-hand", "other"] if action == "rename" else ["by-hand"]
        told = crane("container", action, *arguments)
        assert (told.exit_code, told.stdout, told.stderr) == (0, "by-hand\n", "")
    assert server.sent("POST", "containers/by-hand/kill")[0].body == {"signal": "KILL"}
    assert server.sent("POST", "containers/by-hand/rename")[0].body == {"name": "other"}


def test_container_on_a_node_is_one_part_of_the_path(crane, server):
    server.plays("DELETE", "containers/node2%2Fby-hand", CONTAINERS[1])

    told = crane("container", "rm", "-fv", "--yes", "node2/by-hand")

    assert told.exit_code == 0, told.output
    assert server.requests[-1].query == {"force": "true", "volumes": "true"}


def test_what_is_refused_is_said(crane, server):
    problem = {"code": "node-unreachable", "status": 503, "detail": "There is no way to the Engine of node3."}
    server.plays("POST", "containers/by-hand/start", (503, problem))

    told = crane("container", "start", "by-hand")

    assert told.exit_code == 1
    assert "There is no way to the Engine of node3." in told.stderr


def test_processes_changes_and_ports_are_shown(crane, server):
    server.plays("GET", "containers/web/top", {"titles": ["PID", "CMD"], "processes": [["1", "httpd"]]})
    server.plays("GET", "containers/web/diff", listing([{"Path": "/tmp", "kind": "changed"}]))
    server.plays("GET", "containers/web/ports", listing([{"name": "80/tcp", "published": 8080, "address": "0.0.0.0"}]))

    assert crane("container", "top", "web").stdout.split() == ["PID", "CMD", "1", "httpd"]
    assert crane("container", "diff", "web").stdout == "C /tmp\n"
    assert "80/tcp   0.0.0.0:8080" in crane("container", "port", "web").stdout
    assert json.loads(crane("container", "top", "web", "-o", "json").stdout)["titles"] == ["PID", "CMD"]


# Images


def test_image_is_one_line_whichever_nodes_have_it(crane, server):
    server.plays("GET", "images", listing(IMAGES))

    together = crane("image", "ls").stdout.splitlines()
    apart = crane("image", "ls", "--by-node", "-f", "in-use=no").stdout.splitlines()

    assert len(together) == 2
    assert together[1].split() == ["nginx:1", "aa11", "1.0", "MiB", "yes", "node1,", "node2"]
    assert apart[1].split()[-1] == "node1"


def test_pull_tells_how_it_ended_on_each_node(crane, server):
    pulling = {"node": "node1", "state": "pulling", "layers": 2, "layers_done": 1}
    pulled = {"node": "node1", "state": "pulled", "digest": "sha256:aa"}
    current = {"node": "node2", "state": "current", "digest": "sha256:aa"}
    done = {"node": None, "state": "done", "pulled": 1, "current": 1, "failed": 0}
    server.plays("POST", "images/pull", [pulling, pulled, current, done])

    told = crane("image", "pull", "shop:2", "--node", "node1", "--node", "node2")

    assert told.exit_code == 0
    assert told.stdout == "node1: pulled (sha256:aa)\nnode2: has it already (sha256:aa)\n"
    assert server.requests[0].body == {"image": "shop:2", "nodes": ["node1", "node2"]}
    assert json.loads(crane("image", "pull", "shop:2", "-o", "json").stdout) == [pulled, current, done]


def test_pull_that_failed_somewhere_ends_with_status_1(crane, server):
    failed = {"node": "node1", "state": "failed", "detail": "denied"}
    server.plays("POST", "images/pull", [failed, {"node": None, "state": "failed", "failed": 1}])

    told = crane("image", "pull", "-q", "shop:2")

    assert told.exit_code == 1
    assert told.stderr.splitlines() == ["node1: failed: denied", "Error: It failed on 1 of 1 nodes."]


def test_pull_that_breaks_off_is_no_success(crane, server, drop):
    server.plays("POST", "images/pull", [{"node": "node1", "state": "pulled"}])
    assert "ended the pull before it was done" in crane("image", "pull", "shop:2").stderr

    server.plays("POST", "images/pull", [{"node": "node1", "state": "pulled"}, drop])
    assert crane("image", "pull", "shop:2").exit_code == 1


def test_login_of_this_machine_is_sent_where_asked_for(crane, server, home):
    (home / ".docker").mkdir()
    auths = {"ghcr.io": {"auth": "Y2k6aHVudGVyMg=="}}
    (home / ".docker/config.json").write_text(json.dumps({"auths": auths}))
    server.plays("POST", "images/pull", [{"node": None, "state": "done", "failed": 0}])

    crane("image", "pull", "ghcr.io/team/shop:2", "--with-registry-auth")

    assert server.requests[0].body["registry_login"] == {"username": "ci", "password": "hunter2"}


def test_change_that_failed_on_some_nodes_is_no_success(crane, server):
    nodes = [{"node": "node1", "outcome": "removed"}, {"node": "node2", "outcome": "failed", "why": "It is used."}]
    server.plays("DELETE", "images/shop%3A2", {"nodes": nodes})

    told = crane("image", "rm", "--yes", "--node", "node1", "--node", "node2", "shop:2")

    assert (told.exit_code, told.stdout) == (1, "node1: removed\n")
    assert "node2: It is used." in told.stderr
    assert server.requests[0].query == {"node": "node1,node2"}


def test_image_is_tagged(crane, server):
    server.plays("POST", "images/tag", {"nodes": [{"node": "node1", "outcome": "tagged"}]})

    assert crane("image", "tag", "shop:2", "shop:tested").stdout == "node1: tagged\n"
    assert server.requests[0].body == {"image": "shop:2", "tag": "shop:tested", "nodes": []}


def test_history_of_an_image_is_listed(crane, server):
    step = {"Id": "<missing>", "created_at": None, "CreatedBy": "RUN " + "x" * 99, "size": 1024}
    server.plays("GET", "images/shop%3A2/history", {**listing([step]), "sources": []})

    assert "…   1.0 KiB" in crane("image", "history", "shop:2").stdout


# Volumes


def test_volumes_are_listed_with_sizes_where_wished(crane, server):
    volume = {
        "id": "node2/data",
        "name": "data",
        "node": "node2",
        "driver": "local",
        "stack": "shop",
        "containers": 1,
        "services": 2,
        "size": 1024,
    }
    server.plays("GET", "volumes", listing([volume]))

    assert "SIZE" not in crane("volume", "ls").stdout
    assert crane("volume", "ls", "--size").stdout.splitlines()[1].split()[-2:] == ["1.0", "KiB"]
    assert server.requests[-1].query["sizes"] == "true"
    assert crane("volume", "ls", "-q").stdout == "node2/data\n"


def test_volume_is_made_and_removed(crane, server):
    server.plays("POST", "volumes", (201, {"id": "node2/data"}))
    server.plays("DELETE", "volumes/node2%2Fdata", (200, {}))

    made = crane(
        "volume", "create", "--node", "node2", "--opt", "type=nfs", "--opt", "o=addr=nas", "--label", "a=1", "data"
    )
    removed = crane("volume", "rm", "-y", "node2/data")

    assert (made.stdout, removed.stdout) == ("node2/data\n", "node2/data\n")
    assert server.requests[0].body == {
        "node": "node2",
        "name": "data",
        "driver": "local",
        "options": {"type": "nfs", "o": "addr=nas"},
        "labels": {"a": "1"},
    }
    assert crane("volume", "create", "--node", "node2", "--opt", "nfs", "data").exit_code == 2
    assert crane("volume", "rm", "node2/data").exit_code == 2


# Pruning


@pytest.mark.parametrize("kind", ["container", "image", "volume"])
def test_prune_shows_what_goes_and_removes_just_that(crane, server, kind):
    server.plays("GET", f"{kind}s/prune", PREVIEW)
    server.plays("POST", f"{kind}s/prune", came_of("removed", "removed"))

    told = crane(kind, "prune", "--yes", "--node", "node1,node2")

    assert told.exit_code == 0, told.output
    assert f"This removes 2 {kind}s and frees at least 2.0 KiB." in told.stdout
    assert "Nothing is removed on node2: It hangs." in told.stderr
    assert server.sent("POST", f"{kind}s/prune")[0].body == {"token": "t1"}
    assert server.requests[0].query == {"node": "node1,node2"}


def test_prune_removes_nothing_without_a_yes(crane, server):
    server.plays("GET", "images/prune", PREVIEW)
    server.plays("POST", "images/prune", came_of("removed", "removed"))

    assert crane("image", "prune").exit_code == 2
    assert crane("image", "prune", "--dry-run", "--all").exit_code == 0
    assert json.loads(crane("image", "prune", "--dry-run", "-o", "json").stdout) == PREVIEW
    assert server.sent("POST", "images/prune") == []
    assert server.requests[1].query == {"all": "true"}


def test_prune_that_left_something_says_so(crane, server):
    server.plays("GET", "volumes/prune", PREVIEW)
    server.plays("POST", "volumes/prune", came_of("removed", "kept"))

    told = crane("volume", "prune", "-y")

    assert told.exit_code == 1
    assert "node1: older kept: It is used." in told.stdout


def test_prune_of_nothing_asks_nothing(crane, server):
    server.plays("GET", "volumes/prune", {**PREVIEW, "count": 0, "nodes": []})

    told = crane("volume", "prune")

    assert (told.exit_code, told.stderr) == (0, "There is no volume to remove.\n")
