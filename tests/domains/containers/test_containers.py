"""Containers of all nodes over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

WEB = "services: {web: {image: 'nginx:1', environment: {DB_PASSWORD: hunter2}, deploy: {mode: global}}}"


@pytest.fixture
def by_hand(swarm):
    """A container on node2 that somebody started by hand."""
    return swarm.engine("node2").containers.add("by-hand", Env=["API_TOKEN=hunter2", "PLAIN=1"])


def of_node(client, name):
    return next(each for each in client.get("/api/v1/containers").json["items"] if each["node"] == name)


def act(client, name, action, /, **sent):
    return client.post(f"/api/v1/containers/{name}/{action}", json=sent)


def test_containers_of_all_nodes_are_listed(deploy, client, by_hand):
    deploy(WEB)

    listed = client.get("/api/v1/containers?sort=node").json

    rows = {(each["node"], each["service"], each["stack"], each["state"], each["told_by"]) for each in listed["items"]}
    tasks = {(name, "shop_web", "shop", "running", "engine") for name in ("node1", "node2", "node3")}
    assert rows == {*tasks, ("node2", None, None, "running", "engine")}
    assert [(source["name"], source["state"]) for source in listed["sources"]] == [
        ("engine", "fresh"),
        ("node1", "fresh"),
        ("node2", "fresh"),
        ("node3", "fresh"),
    ]
    task = of_node(client, "node3")
    assert task["task"] == "shop_web.node3"
    assert "service shop_web" in task["warning"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("node=node2&kind=task", ["shop_web"]),
        ("node=node2&kind=other", [None]),
        ("service=shop_web&node=node1,node3", ["shop_web", "shop_web"]),
        ("stack=shop&node=node2", ["shop_web"]),
        ("state=exited", []),
        ("q=hand", [None]),
    ],
)
def test_containers_are_filtered(deploy, client, by_hand, query, names):
    deploy(WEB)

    assert [each["service"] for each in client.get(f"/api/v1/containers?{query}").json["items"]] == names


def test_node_that_does_not_answer_is_named_and_its_tasks_are_listed(deploy, client, swarm):
    deploy(WEB)
    swarm.node_down("node3")

    listed = client.get("/api/v1/containers").json

    [lost] = [each for each in listed["items"] if each["node"] == "node3"]
    assert (lost["state"], lost["told_by"], lost["fresh"]) == ("running", "task", False)
    # What nobody knows is not told as if there were none.
    assert not {"Labels", "Mounts", "Ports"} & lost.keys()
    [source] = [source for source in listed["sources"] if source["state"] != "fresh"]
    assert source["name"] == "node3"
    assert source["error"]
    shown = client.get(f"/api/v1/containers/{lost['id']}").json
    assert (shown["service"], shown["told_by"]) == ("shop_web", "task")
    assert shown["error"]
    refused = act(client, lost["id"], "stop")
    # Whoever is the first to find it out hears it of the Engine itself.
    assert refused.status_code == 503
    assert refused.json["code"] in ("node-unreachable", "engine-unavailable")


def test_container_is_shown_without_its_secrets(deploy, client, by_hand):
    deploy(WEB)

    shown = client.get("/api/v1/containers/node2/by-hand").json

    assert shown["Config"]["Env"] == ["API_TOKEN=(hidden)", "PLAIN=1"]
    assert (shown["id"], shown["node"], shown["error"]) == (by_hand, "node2", None)
    assert "hunter2" not in client.get(f"/api/v1/containers/{of_node(client, 'node1')['id']}").text


def test_unchanged_list_costs_a_304(deploy, client):
    deploy(WEB)
    etag = client.get("/api/v1/containers").headers["ETag"]

    assert client.get("/api/v1/containers", headers={"If-None-Match": etag}).status_code == 304


def test_container_is_found_by_id_its_beginning_name_and_node(client, by_hand):
    for key in (by_hand, by_hand[:12], "by-hand", "node2/by-hand", f"node2%2F{by_hand}"):
        assert client.get(f"/api/v1/containers/{key}").json["id"] == by_hand


def test_container_goes_through_its_states(client, by_hand):
    seen = []
    for action, sent in (
        ("pause", {}),
        ("unpause", {}),
        ("stop", {"timeout": 0}),
        ("start", {}),
        ("restart", {}),
        ("kill", {"signal": "TERM"}),
    ):
        answered = act(client, "by-hand", action, **sent)
        assert answered.status_code == 200, answered.text
        seen.append((answered.json["state"], answered.json["warning"]))

    assert [state for state, _ in seen] == ["paused", "running", "exited", "running", "running", "exited"]
    assert {warning for _, warning in seen} == {None}
    assert client.get("/api/v1/containers/by-hand").json["exit_code"] == 143


def test_acting_on_a_container_of_a_task_warns_and_the_swarm_replaces_it(deploy, client, swarm, settle):
    deploy(WEB)
    before = of_node(client, "node2")

    stopped = act(client, before["id"], "stop").json
    settle()

    assert "The Swarm starts another one in its place." in stopped["warning"]
    running = client.get("/api/v1/containers?node=node2&state=running").json["items"]
    assert [each["service"] for each in running] == ["shop_web"]
    assert running[0]["id"] != before["id"]


@pytest.mark.parametrize(
    ("signal", "sentence"),
    [("KILL", "The Swarm"), ("sigkill", "The Swarm"), ("HUP", "If it ends of the signal, the Swarm")],
)
def test_only_a_signal_that_kills_is_said_to_have_the_container_replaced(deploy, client, signal, sentence):
    deploy(WEB)

    killed = act(client, of_node(client, "node2")["id"], "kill", signal=signal)

    assert killed.status_code == 200, killed.text
    assert f"of the service shop_web. {sentence} starts another one in its place." in killed.json["warning"]


def test_container_is_renamed_and_removed(client, by_hand, swarm):
    assert act(client, "by-hand", "rename", name="other").json["name"] == "other"
    refused = client.delete("/api/v1/containers/other")
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")

    removed = client.delete("/api/v1/containers/other?force=true")

    assert removed.json["name"] == "other"
    assert client.get("/api/v1/containers/other").status_code == 404
    assert swarm.engine("node2").containers.own == {}


def test_processes_changes_and_ports_are_told(client, swarm):
    containers = swarm.engine("node2").containers
    id_ = containers.add("by-hand", Cmd=["run", "--password", "hunter2"])
    containers.own[id_]["NetworkSettings"]["Ports"] = {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
        "53/udp": None,
    }

    top = client.get("/api/v1/containers/by-hand/top").json
    changes = client.get("/api/v1/containers/by-hand/diff").json["items"]
    ports = client.get("/api/v1/containers/by-hand/ports").json["items"]

    assert top["processes"][0][-1] == "run --password (hidden)"
    assert [(each["Path"], each["kind"]) for each in changes] == [("/tmp", "changed"), ("/tmp/written", "added")]
    assert [(each["name"], each["published"]) for each in ports] == [("53/udp", None), ("80/tcp", 8080)]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "nothing", None, 404),
        ("GET", "nowhere/by-hand", None, 404),
        ("GET", "node1/by-hand", None, 404),
        ("POST", "nothing/stop", {}, 404),
        ("POST", "by-hand/stop", {"timeout": -1}, 422),
        ("POST", "by-hand/stop", {"timeout": "soon"}, 422),
        ("POST", "by-hand/stop", {"seconds": 1}, 422),
        ("POST", "by-hand/kill", {"signal": "NONE"}, 422),
        ("POST", "by-hand/kill", {"signal": "KILL; rm"}, 422),
        ("POST", "by-hand/rename", {}, 422),
        ("POST", "by-hand/rename", {"name": "../x"}, 422),
        ("POST", "by-hand/unpause", {}, 409),
        ("DELETE", "by-hand?force=perhaps", None, 422),
        ("GET", "by-hand/diff?limit=100000", None, 422),
    ],
)
def test_bad_input_is_refused_in_words(client, by_hand, method, path, sent, status):
    answered = client.open(f"/api/v1/containers/{path}", method=method, json=sent)

    assert answered.status_code == status, answered.text
    assert answered.json["detail"]


def test_container_of_a_task_is_found_by_what_lists_call_it(deploy, client):
    deploy(WEB)
    listed = of_node(client, "node3")
    begun = listed["name"][:-20]

    for key in (listed["task"], f"node3/{listed['task']}", listed["name"], begun):
        assert client.get(f"/api/v1/containers/{key}").json["id"] == listed["id"]
    assert act(client, listed["task"], "stop").json["id"] == listed["id"]


@pytest.mark.parametrize("query", ["stack=nope", "service=nope", "node=nope"])
def test_what_there_is_not_is_no_empty_list(deploy, client, query):
    deploy(WEB)

    answered = client.get(f"/api/v1/containers?{query}")

    assert (answered.status_code, answered.json["code"]) == (404, "not-found")
    assert "nope" in answered.json["detail"]


def test_containers_that_are_left_of_a_stack_are_found_by_it(client, swarm):
    swarm.engine("node2").containers.add("left", Labels={"com.docker.stack.namespace": "gone"})

    assert [each["name"] for each in client.get("/api/v1/containers?stack=gone").json["items"]] == ["left"]


def test_exact_name_comes_before_the_name_of_a_task(deploy, client, swarm):
    deploy(WEB)
    named = swarm.engine("node1").containers.add("shop_web.node3")

    assert client.get("/api/v1/containers/shop_web.node3").json["id"] == named


def test_one_or_two_letters_are_no_beginning_of_an_id(client, by_hand):
    assert client.get(f"/api/v1/containers/{by_hand[:2]}").status_code == 404


def test_several_of_one_name_are_told_apart_by_their_node(client, swarm, by_hand):
    swarm.engine("node3").containers.add("by-hand")

    answered = client.get("/api/v1/containers/by-hand")

    assert (answered.status_code, answered.json["code"]) == (422, "ambiguous")
    assert "node2/by-hand, node3/by-hand" in answered.json["detail"]


# Pruning


def test_prune_removes_what_its_preview_named(deploy, client, swarm, settle):
    deploy(WEB)
    act(client, of_node(client, "node2")["id"], "stop")
    settle()
    old = swarm.engine("node2").containers.add("old", running=False)
    swarm.engine("node2").containers.add("busy")

    preview = client.get("/api/v1/containers/prune?node=node2").json
    later = swarm.engine("node2").containers.add("later", running=False)
    done = client.post("/api/v1/containers/prune", json={"token": preview["token"]}).json

    [node] = preview["nodes"]
    assert [(each["id"], each["name"], each["bytes"] > 0) for each in node["items"]] == [(old, "old", True)]
    # The stopped container of a task that the Swarm remembers stays, because its output may still be wanted.
    assert node["kept"] == 3
    assert [(each["name"], each["outcome"]) for each in done["nodes"][0]["items"]] == [("old", "removed")]
    assert done["bytes"] == preview["bytes"]
    assert later in swarm.engine("node2").containers.own


def test_container_of_a_task_that_is_not_known_yet_is_kept_while_it_is_young(client, swarm):
    containers = swarm.engine("node2").containers
    labels = {"com.docker.swarm.task.id": "new1"}
    young = containers.add("young", running=False, Labels=labels)
    old = containers.add("old", running=False, Labels=labels)
    containers.own[young]["Created"] = datetime.now(UTC).isoformat()
    containers.own[old]["Created"] = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()

    [node] = client.get("/api/v1/containers/prune?node=node2").json["nodes"]

    assert [each["id"] for each in node["items"]] == [old]


def test_what_is_used_by_then_is_kept(client, swarm):
    swarm.engine("node2").containers.add("old", running=False)
    preview = client.get("/api/v1/containers/prune").json
    act(client, "old", "start")

    done = client.post("/api/v1/containers/prune", json={"token": preview["token"]}).json

    assert [(each["outcome"], each["why"]) for node in done["nodes"] for each in node["items"]] == [
        ("kept", "It is used by now, or gone.")
    ]


def test_node_that_does_not_answer_is_named_in_preview_and_prune(client, swarm):
    for name in ("node2", "node3"):
        swarm.engine(name).containers.add("old", running=False)
    swarm.node_down("node3")
    preview = client.get("/api/v1/containers/prune").json
    assert [(node["node"], node["state"]) for node in preview["nodes"]] == [
        ("node1", "ready"),
        ("node2", "ready"),
        ("node3", "missing"),
    ]
    swarm.node_down("node2")

    done = client.post("/api/v1/containers/prune", json={"token": preview["token"]}).json

    assert [(node["node"], node["state"]) for node in done["nodes"]] == [("node2", "missing")]
    assert done["nodes"][0]["error"]
    assert done["count"] == 0


def test_preview_is_carried_out_once(client, swarm):
    swarm.engine("node2").containers.add("old", running=False)
    preview = client.get("/api/v1/containers/prune").json
    client.post("/api/v1/containers/prune", json={"token": preview["token"]})

    for token in (preview["token"], "invented"):
        answered = client.post("/api/v1/containers/prune", json={"token": token})
        assert (answered.status_code, answered.json["code"]) == (404, "preview-gone")
