"""Images of all nodes over HTTP."""

from __future__ import annotations

import base64
import io
import json

import pytest
from urllib3 import HTTPResponse

from crane_core.contributions import RegistryLogin
from crane_core.engine.disk import DiskUsage
from crane_core.engine.link import Endpoint
from crane_core.engine.pool import Pool
from crane_core.testing.behaviours import Missing
from crane_core.testing.plugins import make_plugin
from crane_core.testing.transport import MemoryAdapter

WEB = "services: {web: {image: 'nginx:1', deploy: {mode: global}}}"


def pull(client, **sent):
    """Pull, and return the verdict of each node and that of all."""
    answered = client.post("/api/v1/images/pull", json=sent, headers={"Accept": "application/x-ndjson"})
    assert answered.status_code == 200, answered.text
    lines = [json.loads(line) for line in answered.text.splitlines() if line]
    return {line["node"]: line for line in lines if line["state"] != "pulling"}


def names(client, query=""):
    return [(each["node"], each["name"]) for each in client.get(f"/api/v1/images?sort=node{query}").json["items"]]


def test_images_of_all_nodes_are_listed_with_what_needs_them(deploy, client, swarm):
    deploy(WEB)
    swarm.engine("node2").images.add("")
    swarm.engine("node3").images.add("spare:1")

    listed = client.get("/api/v1/images?sort=node").json

    rows = [(each["node"], each["tags"], each["containers"], each["services"]) for each in listed["items"]]
    assert sorted(rows) == [
        ("node1", ["nginx:1"], 1, 1),
        ("node2", [], 0, 0),
        ("node2", ["nginx:1"], 1, 1),
        ("node3", ["nginx:1"], 1, 1),
        ("node3", ["spare:1"], 0, 0),
    ]
    assert {source["state"] for source in listed["sources"]} == {"fresh"}
    assert names(client, "&q=spare") == [("node3", "spare:1")]
    assert names(client, "&in_use=false&dangling=false") == [("node3", "spare:1")]
    assert [node for node, _ in names(client, "&dangling=true")] == ["node2"]
    assert len(names(client, "&node=node1,node3")) == 3


def test_node_that_does_not_answer_is_named(client, swarm):
    swarm.node_down("node3")

    sources = client.get("/api/v1/images").json["sources"]

    assert [source["name"] for source in sources if source["state"] != "fresh"] == ["node3"]


def test_image_is_shown_with_the_nodes_that_have_it(deploy, client):
    deploy(WEB)

    for key in ("nginx:1", "docker.io/library/nginx:1"):
        shown = client.get(f"/api/v1/images/{key}").json
        assert [node["node"] for node in shown["nodes"]] == ["node1", "node2", "node3"]
    assert client.get(f"/api/v1/images/{shown['id'][7:19]}").json["id"] == shown["id"]
    steps = client.get("/api/v1/images/nginx:1/history").json["items"]
    assert [(step["Id"], step["size"] > 0) for step in steps] == [(shown["id"], False), ("<missing>", True)]


# Pulling


def test_pull_on_all_nodes_tells_progress_and_a_verdict_of_each(client, swarm):
    swarm.engine("node1").images.add("shop:2")

    answered = client.post("/api/v1/images/pull", json={"image": "shop:2"})
    lines = [json.loads(line.removeprefix("data: ")) for line in answered.text.splitlines() if line.startswith("data")]

    assert answered.mimetype == "text/event-stream"
    verdicts = {line["node"]: line for line in lines if line["state"] != "pulling"}
    assert {node: verdict["state"] for node, verdict in verdicts.items()} == {
        "node1": "current",
        "node2": "pulled",
        "node3": "pulled",
        None: "done",
    }
    assert verdicts["node2"]["digest"].startswith("sha256:")
    assert verdicts["node1"]["previous_id"] == verdicts["node1"]["id"] == verdicts["node2"]["id"]
    assert (verdicts[None]["pulled"], verdicts[None]["current"], verdicts[None]["failed"]) == (2, 1, 0)
    assert {line["node"] for line in lines if line["state"] == "pulling"} == {"node1", "node2", "node3"}
    assert names(client, "&q=shop") == [("node1", "shop:2"), ("node2", "shop:2"), ("node3", "shop:2")]


def test_pull_on_one_node_leaves_the_others(client):
    assert pull(client, image="shop:2", nodes=["node2"])["node2"]["state"] == "pulled"
    assert names(client) == [("node2", "shop:2")]


def test_node_that_cannot_pull_says_why(client, swarm):
    swarm.images["shop:none"] = Missing()
    swarm.node_down("node3")

    missing = pull(client, image="shop:none", nodes=["node1"])
    lost = pull(client, image="shop:2")

    assert missing["node1"]["state"] == "failed"
    assert "repository does not exist" in missing["node1"]["detail"]
    assert (lost["node2"]["state"], lost["node3"]["state"], lost[None]["state"]) == ("pulled", "failed", "failed")


@pytest.mark.parametrize(
    "line", [b'{"id": "a", "status": "Downloading", "progressDetail": {"total": "x"}}', b"[]", b"{"]
)
def test_engine_that_tells_nonsense_does_not_keep_the_verdict(client, crane, swarm, line):
    class Odd(MemoryAdapter):
        def send(self, request, *arguments, **named):
            answer = super().send(request, *arguments, **named)
            if "/images/create" in request.url:
                answer.raw = HTTPResponse(io.BytesIO(line), status=200, preload_content=False)
            return answer

    find = {"node2": Endpoint("unix://odd", "setting", transport=Odd(swarm, "node2"))}
    crane.room(Pool).add_finder(lambda node: find.get(node.name), first=True)

    told = pull(client, image="shop:2")

    assert (told["node2"]["state"], told["node2"]["detail"]) == ("failed", "The Engine's answer cannot be read.")
    assert (told["node3"]["state"], told[None]["state"]) == ("pulled", "failed")


def sent_login(swarm):
    [call] = [call for call in swarm.calls if call.path.endswith("/images/create")]
    header = {name.lower(): value for name, value in call.headers.items()}.get("x-registry-auth")
    return json.loads(base64.urlsafe_b64decode(header)) if header else None


class TestLogins:
    @pytest.fixture
    def crane_plugins(self):
        def crane_find_registry_login(image):
            return RegistryLogin("ghcr.io", "ci", "hunter2") if image == "ghcr.io/team/shop:2" else None

        return [make_plugin("registryauth", crane_find_registry_login)]

    def test_credential_of_a_plugin_is_sent_to_the_engine(self, client, swarm):
        pull(client, image="ghcr.io/team/shop:2", nodes=["node2"])

        assert sent_login(swarm) == {"username": "ci", "password": "hunter2", "serveraddress": "ghcr.io"}

    def test_credential_of_the_caller_goes_first(self, client, swarm):
        login = {"username": "ann", "password": "s3cret"}
        pull(client, image="ghcr.io/team/shop:2", nodes=["node2"], registry_login=login)

        assert sent_login(swarm)["username"] == "ann"

    def test_image_that_nobody_knows_a_credential_for_is_pulled_without(self, client, swarm):
        pull(client, image="shop:2", nodes=["node2"])

        assert sent_login(swarm) is None


class TestRules:
    @pytest.fixture
    def crane_settings(self):
        return {"policy.allowed_registries": ["ghcr.io"]}

    def test_image_of_another_registry_is_not_pulled(self, client, swarm):
        answered = client.post("/api/v1/images/pull", json={"image": "nginx:1"})

        assert answered.status_code == 422
        assert [error["code"] for error in answered.json["errors"]] == ["registry-not-allowed"]
        assert [call for call in swarm.calls if call.path.endswith("/images/create")] == []
        assert pull(client, image="ghcr.io/team/shop:2")[None]["state"] == "done"


# Names


def test_image_is_tagged_and_untagged_on_the_nodes_that_have_it(client, swarm):
    for node in ("node2", "node3"):
        swarm.engine(node).images.add("shop:2")

    tagged = client.post("/api/v1/images/tag", json={"image": "shop:2", "tag": "shop:tested"}).json
    untagged = client.delete("/api/v1/images/shop:tested?node=node3").json

    assert [(each["node"], each["outcome"]) for each in tagged["nodes"]] == [("node2", "tagged"), ("node3", "tagged")]
    assert [(each["node"], each["outcome"]) for each in untagged["nodes"]] == [("node3", "untagged")]
    assert names(client, "&q=tested") == [("node2", "shop:2")]


def test_image_is_removed_with_its_last_name(client, swarm):
    swarm.engine("node2").images.add("shop:2")

    removed = client.delete("/api/v1/images/shop:2").json

    assert [(each["outcome"], each["untagged"]) for each in removed["nodes"]] == [("removed", ["shop:2"])]
    assert names(client) == []


def test_image_of_a_container_stays_and_the_node_says_so(client, swarm):
    for node in ("node2", "node3"):
        swarm.engine(node).images.add("shop:2")
    swarm.engine("node2").containers.add("by-hand", "shop:2")

    partly = client.delete("/api/v1/images/shop:2").json
    wholly = client.delete("/api/v1/images/shop:2")

    assert [(each["node"], each["outcome"]) for each in partly["nodes"]] == [("node2", "failed"), ("node3", "removed")]
    assert "is using its referenced image" in partly["nodes"][0]["why"]
    assert (wholly.status_code, wholly.json["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "nothing:1", None, 404),
        ("GET", "nothing:1/history", None, 404),
        ("DELETE", "nothing:1", None, 404),
        ("DELETE", "shop:2?node=nowhere", None, 404),
        ("DELETE", "shop:2?force=perhaps", None, 422),
        ("POST", "pull", {}, 422),
        ("POST", "pull", {"image": "UPPER/case:??"}, 422),
        ("POST", "pull", {"image": "shop:2", "nodes": ["nowhere"]}, 404),
        ("POST", "pull", {"image": "shop:2", "nodes": "node1"}, 422),
        ("POST", "pull", {"image": "shop:2", "registry_login": {"username": "a"}}, 422),
        ("POST", "tag", {"image": "shop:2"}, 422),
        ("POST", "tag", {"image": "shop:2", "tag": "a b"}, 422),
        ("POST", "tag", {"image": "shop:2", "tag": f"shop@sha256:{'0' * 64}"}, 422),
        ("POST", "tag", {"image": "nothing", "tag": "shop:3"}, 404),
        ("POST", "prune", {}, 422),
        ("POST", "prune", {"token": "invented"}, 404),
        ("GET", "prune?node=nowhere", None, 404),
    ],
)
def test_bad_input_is_refused_in_words(client, swarm, method, path, sent, status):
    swarm.engine("node2").images.add("shop:2")

    answered = client.open(f"/api/v1/images/{path}", method=method, json=sent)

    assert answered.status_code == status, answered.text
    assert answered.json["detail"]


# Pruning


def prune(client, query=""):
    preview = client.get(f"/api/v1/images/prune{query}").json
    return preview, client.post("/api/v1/images/prune", json={"token": preview["token"]}).json


def listed(node):
    return sorted(each["name"] for each in node["items"])


def test_prune_removes_what_has_no_name_and_with_all_what_nothing_needs(client, swarm):
    engine = swarm.engine("node2")
    dangling = engine.images.add("")
    engine.images.add("spare:1")
    engine.images.add("two:1")
    client.post("/api/v1/images/tag", json={"image": "two:1", "tag": "two:2"})

    first, done = prune(client, "?node=node2")
    assert listed(first["nodes"][0]) == [dangling[7:19]]
    assert first["bytes"] > 0
    assert done["count"] == 1
    second, done = prune(client, "?node=node2&all=true")
    assert listed(second["nodes"][0]) == ["spare:1", "two:1"]
    assert [each["outcome"] for each in done["nodes"][0]["items"]] == ["removed", "removed"]
    assert names(client) == []


def test_what_a_stopped_container_or_a_service_without_tasks_needs_is_kept(deploy, client, swarm):
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}, next: {image: 'shop:3', deploy: {replicas: 0}}}")
    deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}, next: {image: 'shop:4', deploy: {replicas: 0}}}")
    engine = swarm.engine("node2")
    for name in ("nginx:1", "old:1", "shop:3", "shop:4", "spare:1"):
        engine.images.add(name)
    engine.containers.add("stopped", "old:1", running=False)

    preview, _ = prune(client, "?all=true")

    # A rollback returns to shop:3.
    assert [listed(node) for node in preview["nodes"]] == [[], ["spare:1"], []]
    assert preview["nodes"][1]["kept"] == 4


def test_node_that_does_not_answer_keeps_what_it_has(client, swarm):
    swarm.engine("node3").images.add("")
    swarm.node_down("node3")

    preview, done = prune(client)

    assert [node["state"] for node in preview["nodes"]] == ["ready", "ready", "missing"]
    assert done == {"bytes": 0, "count": 0, "nodes": []}


def test_disk_usage_is_asked_once_a_minute(client, crane, swarm):
    nodes = list(crane.cache.snapshot().nodes.values())
    swarm.node_down("node3")

    for _ in range(3):
        found = crane.room(DiskUsage).read(nodes)

    asked = [call for call in swarm.calls if call.path.endswith("/system/df")]
    assert len(asked) == 2
    assert sorted(node.name for node in nodes if found[node.id]) == ["node1", "node2"]
