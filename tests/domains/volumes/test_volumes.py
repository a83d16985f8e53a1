"""Volumes of all nodes over HTTP."""

from __future__ import annotations

import pytest

DATABASE = """
services:
  db: {image: 'postgres:16', volumes: ['data:/var/lib/data'], deploy: {placement: {constraints: [node.hostname==node2]}}
  }
volumes: {data: {}}
"""
ANONYMOUS = "a1" * 32
STACK = {"com.docker.stack.namespace": "shop"}


def make(client, **sent):
    return client.post("/api/v1/volumes", json={"node": "node2", "name": "spare", **sent})


def names(client, query=""):
    return [(each["node"], each["name"]) for each in client.get(f"/api/v1/volumes?sort=node{query}").json["items"]]


def test_volumes_of_all_nodes_are_listed_with_who_uses_them(deploy, client, swarm):
    deploy(DATABASE)
    swarm.engine("node3").volumes.add("shop_data", Labels=STACK)
    swarm.engine("node3").volumes.add(ANONYMOUS)

    listed = client.get("/api/v1/volumes?sort=node").json

    rows = sorted((each["id"], each["containers"], each["services"], each["anonymous"]) for each in listed["items"])
    assert rows == [
        ("node2/shop_data", 1, 1, False),
        (f"node3/{ANONYMOUS}", 0, 0, True),
        # No container mounts this one; the service may have a task there again.
        ("node3/shop_data", 0, 1, False),
    ]
    assert {source["state"] for source in listed["sources"]} == {"fresh"}
    assert names(client, "&in_use=true") == [("node2", "shop_data"), ("node3", "shop_data")]
    assert names(client, "&stack=shop&node=node3") == [("node3", "shop_data")]
    assert {each["size"] for each in listed["items"]} == {None}
    sized = client.get("/api/v1/volumes?sizes=true").json["items"]
    assert all(each["size"] > 0 for each in sized)


def test_volume_is_shown_with_its_users_and_size(deploy, client):
    deploy(DATABASE)

    shown = client.get("/api/v1/volumes/node2/shop_data").json

    assert [each["name"] for each in shown["used_by_services"]] == ["shop_db"]
    assert len(shown["used_by_containers"]) == 1
    assert shown["size"] > 0
    assert client.get("/api/v1/volumes/shop_data").json["id"] == "node2/shop_data"


def test_volume_is_made_and_removed_on_its_node(client, swarm):
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    made = make(client, options=options, labels={"tier": "back"})

    assert made.status_code == 201, made.text
    assert made.headers["Location"] == "/api/v1/volumes/node2/spare"
    assert (made.json["Options"], made.json["Labels"]) == (options, {"tier": "back"})
    assert names(client) == [("node2", "spare")]
    taken = make(client)
    assert (taken.status_code, taken.json["code"]) == (409, "name-taken")
    assert client.delete("/api/v1/volumes/node2/spare").status_code == 204
    assert names(client) == []


def test_volume_without_a_name_gets_one(client):
    assert len(make(client, name="").json["name"]) == 64


def test_password_among_the_options_is_hidden(client):
    made = make(client, options={"type": "cifs", "device": "//nas/x", "o": "username=ann,password=hunter2"})

    assert made.json["Options"]["o"] == "username=ann,password=(hidden)"
    assert "hunter2" not in client.get("/api/v1/volumes").text


def test_volume_that_a_container_mounts_is_not_removed(client, swarm):
    swarm.engine("node2").containers.add("by-hand", volumes=["data"], running=False)

    refused = client.delete("/api/v1/volumes/node2/data?force=true")

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert "in use" in refused.json["detail"]


def test_volumes_of_one_name_are_told_apart_by_their_node(client, swarm):
    for node in ("node2", "node3"):
        swarm.engine(node).volumes.add("data")

    answered = client.get("/api/v1/volumes/data")

    assert (answered.status_code, answered.json["code"]) == (422, "ambiguous")
    assert "node2/data, node3/data" in answered.json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/node2/nothing", None, 404),
        ("GET", "/nowhere/data", None, 404),
        ("DELETE", "/node2/nothing", None, 404),
        ("POST", "", {"name": "spare"}, 422),
        ("POST", "", {"node": "nowhere", "name": "spare"}, 404),
        ("POST", "", {"node": "node2", "name": "../etc"}, 422),
        ("POST", "", {"node": "node2", "name": "spare", "options": ["a"]}, 422),
        ("POST", "", {"node": "node2", "name": "spare", "driver": "none"}, 404),
        ("POST", "/prune", {"token": 1}, 422),
        ("POST", "/prune", {"token": "invented"}, 404),
        ("GET", "/prune?all=perhaps", None, 422),
        ("GET", "?sort=nonsense", None, 422),
    ],
)
def test_bad_input_is_refused_in_words(client, method, path, sent, status):
    answered = client.open(f"/api/v1/volumes{path}", method=method, json=sent)

    assert answered.status_code == status, answered.text
    assert answered.json["detail"]


class TestRules:
    @pytest.fixture
    def crane_settings(self):
        return {"policy.forbid": ["host-mounts", "docker-socket", "volume-drivers"]}

    @pytest.mark.parametrize(
        ("sent", "codes"),
        [
            ({"options": {"type": "none", "o": "bind", "device": "/etc"}}, {"host-mounts"}),
            ({"options": {"o": "rbind", "device": "/var/run"}}, {"host-mounts", "docker-socket"}),
            ({"options": {"type": "ext4", "device": "/dev/sda1"}}, {"host-mounts"}),
            ({"driver": "rexray"}, {"volume-drivers"}),
        ],
    )
    def test_volume_that_opens_the_node_is_not_made(self, client, swarm, sent, codes):
        answered = make(client, **sent)

        assert answered.status_code == 422
        assert {error["code"] for error in answered.json["errors"]} == codes
        assert [call for call in swarm.calls if call.path.endswith("/volumes/create")] == []

    def test_plain_volume_is_made(self, client):
        assert make(client, options={"type": "nfs", "device": ":/x", "o": "addr=nas"}).status_code == 201


# Pruning


def test_prune_takes_what_has_no_name_and_with_all_what_nothing_needs(deploy, client, swarm):
    deploy(DATABASE)
    engine = swarm.engine("node2")
    engine.volumes.add(ANONYMOUS)
    engine.volumes.add("spare")
    engine.volumes.add("shared", Scope="global")
    engine.containers.add("stopped", volumes=["old"], running=False)
    # The service has no task on this node, and may have one again.
    swarm.engine("node3").volumes.add("shop_data")

    first = client.get("/api/v1/volumes/prune").json
    second = client.get("/api/v1/volumes/prune?all=true").json
    done = client.post("/api/v1/volumes/prune", json={"token": second["token"]}).json

    assert [[each["name"] for each in node["items"]] for node in first["nodes"]] == [[], [ANONYMOUS], []]
    assert [[each["name"] for each in node["items"]] for node in second["nodes"]] == [[], [ANONYMOUS, "spare"], []]
    assert (done["count"], done["bytes"]) == (2, second["bytes"])
    assert second["bytes"] > 0
    assert sorted(names(client)) == [
        ("node2", "old"),
        ("node2", "shared"),
        ("node2", "shop_data"),
        ("node3", "shop_data"),
    ]


def test_volume_whose_name_only_the_node_knows_is_kept(client, crane, swarm, settle):
    mount = {"Type": "volume", "Source": "data-{{.Task.Slot}}-x", "Target": "/data"}
    client.post(
        "/api/v1/services", json={"name": "db", "image": "a:1", "replicas": 0, "TaskTemplate": {"ContainerSpec": {
            "Mounts": [mount]}}}
    )  # fmt: skip
    settle()
    for name in ("data-1-x", "data-2-y"):
        swarm.engine("node2").volumes.add(name)

    preview = client.get("/api/v1/volumes/prune?all=true&node=node2").json

    assert [each["name"] for each in preview["nodes"][0]["items"]] == ["data-2-y"]
