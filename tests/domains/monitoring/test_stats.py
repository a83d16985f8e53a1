"""Stats over HTTP and on the live socket: what is used now, and what was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crane_core.live.hub import Hub
from crane_core.security import Identity, Vote
from crane_core.testing.plugins import make_plugin

SHOP = """
services:
  web: {image: 'nginx:1', deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 64M}}}}
  db: {image: 'postgres:16'}
"""


@pytest.fixture
def measured(deploy, measure):
    deploy(SHOP)
    measure()
    measure()


def test_services_are_listed_with_what_they_use(measured, client):
    answer = client.get("/api/v1/stats/services?sort=-cpu")

    web, db = answer.json["items"]
    assert (web["name"], web["stack"], web["containers"], web["missing"], web["stale"]) == (
        "shop_web",
        "shop",
        2,
        0,
        False,
    )
    assert web["cpu"] == pytest.approx(0.5, rel=1e-3)
    assert (web["cpu_limit"], web["memory_limit"]) == (1.0, 128 * 2**20)
    assert (web["cpu_percent"], web["memory_percent"]) == (pytest.approx(50, rel=1e-3), 50.0)
    assert (db["cpu_limit"], db["cpu_percent"]) == (None, None)
    assert {source["name"] for source in answer.json["sources"]} == {"engine", "node1", "node2", "node3"}


@pytest.mark.parametrize("kind", ["services", "stacks", "nodes", "tasks", "containers"])
def test_every_kind_is_listed_filtered_sorted_and_known_by_its_version(measured, client, kind):
    answer = client.get(f"/api/v1/stats/{kind}?sort=-memory&limit=2")

    assert answer.status_code == 200
    assert answer.json["items"][0]["memory"] > 0
    assert client.get(f"/api/v1/stats/{kind}?sort=-wealth").status_code == 422
    assert client.get(f"/api/v1/stats/{kind}?sort=wealth").json["errors"][0]["pointer"] == "/sort"
    assert client.get(f"/api/v1/stats/{kind}?colour=red").status_code == 422


@pytest.mark.parametrize("kind", ["services", "stacks", "nodes", "tasks", "containers"])
def test_list_tells_how_each_went_lately_where_that_is_asked_for(measured, client, kind):
    item = client.get(f"/api/v1/stats/{kind}?course=true&sort=-cpu").json["items"][0]

    assert [len(item["course"][figure]) for figure in ("cpu", "memory")] == [20, 20]
    assert item["course"]["memory"][:10] == 10 * [None]
    assert item["course"]["memory"][-2:].count(None) <= 1
    assert "course" not in client.get(f"/api/v1/stats/{kind}").json["items"][0]


def test_nodes_are_measured_against_what_they_have(measured, client):
    items = client.get("/api/v1/stats/nodes").json["items"]

    assert sum(item["containers"] for item in items) == 3
    assert sum(item["cpu"] or 0 for item in items) == pytest.approx(0.75, rel=1e-3)
    assert all(item["cpu_limit"] > 0 and item["memory_limit"] > 0 for item in items)


def test_tasks_are_named_by_service_and_slot(measured, client):
    items = client.get("/api/v1/stats/tasks?service=shop_web").json["items"]

    assert [item["name"] for item in items] == ["shop_web.1", "shop_web.2"]
    assert [item["memory_percent"] for item in items] == [50.0, 50.0]


def test_containers_are_measured_also_those_of_no_service(measured, measure, client, swarm, crane):
    swarm.engine("node2").containers.add("tool")
    measure()
    measure()

    items = {item["name"]: item for item in client.get("/api/v1/stats/containers").json["items"]}

    assert len(items) == 4
    assert (items["tool"]["node"], items["tool"]["service"], items["tool"]["stack"]) == ("node2", None, None)
    web = next(item for item in items.values() if item["service"] == "shop_web")
    assert (web["cpu_limit"], web["stack"]) == (0.5, "shop")
    past = client.get("/api/v1/stats/containers/node2/tool").json
    assert next(figure for figure in past["figures"] if figure["name"] == "cpu")["series"][0]["points"]
    assert client.get(f"/api/v1/stats/containers/{web['id'][:12]}").status_code == 200


def test_the_past_has_the_shape_of_stats_history(measured, client):
    told = client.get("/api/v1/stats/services/shop_web").json

    assert told["step"] >= 10
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert figures["memory"]["unit"] == "bytes"
    [series] = figures["memory"]["series"]
    assert (series["task"], series["task_id"], series["most"]) == (None, None, 64 * 2**20)
    [[at, value], *_] = series["points"]
    assert abs(datetime.now(UTC).timestamp() - at) < 3600
    assert value == 64 * 2**20


def test_the_past_of_each_task_by_itself(measured, client):
    told = client.get("/api/v1/stats/stacks/shop?by=task").json

    memory = next(figure for figure in told["figures"] if figure["name"] == "memory")
    assert sorted(series["task"] for series in memory["series"]) == ["shop_db.1", "shop_web.1", "shop_web.2"]
    task = memory["series"][0]["task_id"]
    alone = client.get(f"/api/v1/stats/tasks/{task}").json
    assert len(next(figure for figure in alone["figures"] if figure["name"] == "memory")["series"]) == 1


def test_a_span_is_no_longer_than_what_is_kept_and_no_finer_than_an_answer_holds(measured, client):
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat().replace("+00:00", "Z")
    told = client.get("/api/v1/stats/nodes/node1", query_string={"since": week})

    assert told.json["step"] == 600
    since = datetime.fromisoformat(told.json["since"])
    assert timedelta(hours=23) < datetime.now(UTC) - since < timedelta(hours=25)
    assert client.get("/api/v1/stats/nodes/node1", query_string={"since": week, "step": 2}).status_code == 422


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("since=yesterday", "/since"),
        ("since=2999-01-01T00:00:00Z", "/since"),
        ("step=0", "/step"),
        ("step=x", "/step"),
        ("by=colour", "/by"),
        ("until=2026-13-01", "/until"),
    ],
)
def test_a_span_that_is_none_is_refused(measured, client, query, pointer):
    answer = client.get(f"/api/v1/stats/services/shop_web?{query}")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("path", ["services/none", "stacks/none", "nodes/none", "tasks/none", "containers/none"])
def test_what_there_is_none_of_is_not_found(client, path):
    assert client.get(f"/api/v1/stats/{path}").status_code == 404


def test_topics_tell_what_the_lists_say(measured, crane, crane_app):
    hub = crane.room(Hub)
    with crane_app.app_context():
        for text, count in (("stats/services", 2), ("stats/services/shop_web", 1), ("stats/nodes/node1", 1)):
            topic, parameters = hub.find_topic(text)
            listing = topic.listing(crane, parameters)
            assert len(list(listing.rows())) == count
        topic, parameters = hub.find_topic("stats/tasks/none")
        assert list(topic.listing(crane, parameters).rows()) == []


class TestOthers:
    """Somebody who may see one stack only."""

    @pytest.fixture
    def crane_plugins(self):
        def crane_authenticate(request):
            return Identity(
                request.headers.get("X-Name", "boss"), "local" if "X-Name" not in request.headers else "user"
            )

        def crane_authorize(identity, action, target):
            of_shop = action.endswith(":read") and target.stack == "shop"
            return Vote.allow() if of_shop or not target.name else None

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    def test_they_see_what_belongs_to_it(self, measured, client):
        theirs = {"X-Name": "ann"}

        assert len(client.get("/api/v1/stats/services", headers=theirs).json["items"]) == 2
        assert client.get("/api/v1/stats/nodes", headers=theirs).json["items"] == []
        assert client.get("/api/v1/stats/services/shop_web", headers=theirs).status_code == 200
        assert client.get("/api/v1/stats/nodes/node1", headers=theirs).status_code == 403
