"""Facts about filters that nothing could agree to: a misspelt one is refused, and says what there is."""

from __future__ import annotations

import pytest
from crane_cli import choosing
from flask.testing import FlaskClient

from crane_core.cluster.containers.routes import ContainerQuery
from crane_core.cluster.networks.schemas import NetworkQuery
from crane_core.cluster.nodes.routes import NodeQuery
from crane_core.context import Crane
from crane_core.http import SomeOf
from crane_core.orchestration.services.routes import ServiceQuery
from crane_core.orchestration.tasks.routes import TaskQuery


@pytest.mark.parametrize(
    ("query", "there_are"),
    [
        ("nodes?role=boss", "manager, worker"),
        ("nodes?role=manager,boss", "manager, worker"),
        ("nodes?availability=off", "active, pause, drain"),
        ("nodes?state=bogus", "ready, down, disconnected, unknown"),
        ("networks?scope=x", "swarm, local, global"),
        ("containers?state=bogus", "created, running"),
        ("services?mode=many", "replicated, global"),
        ("services?state=bad", "converged, updating"),
        ("stacks?state=bad", "converged, updating"),
        ("tasks?state=bogus", "new, allocated"),
        ("tasks?desired_state=bogus", "new, allocated"),
        ("operations?state=bogus", "applying, following"),
        ("operations?outcome=bogus", "converged, paused"),
        ("engines?via=x", "socket, setting, label, agent"),
        ("engines?state=x", "fresh, stale, never"),
        ("events?source=x", "crane, swarm, node, task"),
        ("events?kind=bogus", "access, agent, config, container"),
        ("events?kind=task.failed,container.dye", "container.archive-path, container.attach"),
        ("events?kind=task.dead", "task.accepted, task.allocated"),
        ("events?kind=stack.bogus", "stack.deployed, stack.removed"),
    ],
)
def test_misspelt_value_is_refused_with_those_that_there_are(client: FlaskClient, query: str, there_are: str) -> None:
    answer = client.get(f"/api/v1/{query}")

    assert answer.status_code == 422
    assert f"there are {there_are}" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize("query", ["nodes?role=manager,worker", "tasks?state=failed,running", "containers?state=dead"])
def test_several_values_are_separated_by_commas(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/v1/{query}").status_code == 200


@pytest.mark.parametrize("kind", ["containers", "images", "volumes", "networks"])
def test_list_of_one_node_says_nothing_of_others(client: FlaskClient, kind: str) -> None:
    told = client.get(f"/api/v1/{kind}?node=node2").json

    assert {source["name"] for source in told["sources"]} == {"engine", "node2"}
    assert len(client.get(f"/api/v1/{kind}").json["sources"]) == 4


@pytest.mark.parametrize("kind", ["containers", "images", "volumes", "networks", "stats/containers", "stats/nodes"])
def test_node_that_there_is_not_is_named(client: FlaskClient, kind: str) -> None:
    answer = client.get(f"/api/v1/{kind}?node=nope")

    assert answer.status_code == 404
    assert "nope" in answer.json["detail"]


def test_node_of_a_filter_is_known_by_its_id_too(client: FlaskClient) -> None:
    [first, *_] = client.get("/api/v1/nodes").json["items"]

    found = client.get(f"/api/v1/stats/nodes?node={first['ID']}").json["items"]

    assert [each["name"] for each in found] == [first["name"]]


@pytest.mark.parametrize("place", ["events", "stats/nodes/node1", "services/shop_web/logs"])
def test_moments_are_written_alike_wherever_they_limit_something(client: FlaskClient, deploy, place: str) -> None:
    deploy()

    def status(query: str) -> int:
        return client.get(f"/api/v1/{place}?{query}").status_code

    assert status("since=5m") == status("since=1700000000.5") == status("since=2026-05-04") == 200
    for query in ("since=soon", "since=2h&until=3h"):
        answer = client.get(f"/api/v1/{place}?{query}")
        assert answer.status_code == 422
        assert answer.json["errors"][0]["pointer"] == "/since"


@pytest.mark.parametrize(
    ("schema", "tests"),
    [
        (NodeQuery, choosing.NODES),
        (NetworkQuery, choosing.NETWORKS),
        (ContainerQuery, choosing.CONTAINERS),
        (ServiceQuery, choosing.SERVICES),
        (TaskQuery, choosing.TASKS),
    ],
)
def test_command_line_knows_the_same_values(schema, tests) -> None:
    for name, field in schema().fields.items():
        for allowed in field.validators:
            if isinstance(allowed, SomeOf):
                assert tuple(tests[name.replace("_", "-")].words) == allowed.words


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("tasks?node=nope", "There is no node nope."),
        ("tasks?node=node1,nope", "There is no node nope."),
        ("tasks?service=nope", "There is no service nope."),
        ("tasks?stack=nope", "There is no stack nope."),
        ("stats/services?stack=nope", "There is no stack nope."),
        ("stats/tasks?service=nope", "There is no service nope."),
        ("stats/containers?node=nope", "There is no node nope."),
    ],
)
def test_name_of_nothing_is_refused(client: FlaskClient, query: str, detail: str) -> None:
    answer = client.get(f"/api/v1/{query}")

    assert (answer.status_code, answer.json["detail"]) == (404, detail)


def test_tasks_are_found_by_several_services(client: FlaskClient, deploy) -> None:
    deploy("services: {web: {image: 'nginx:1'}, db: {image: 'nginx:1'}, idle: {image: 'nginx:1'}}")

    found = client.get("/api/v1/tasks?service=shop_web,shop_db").json["items"]

    assert sorted(task["service"] for task in found) == ["shop_db", "shop_web"]


def test_tasks_on_a_node_that_has_left_are_found_by_its_id(client: FlaskClient, deploy, crane: Crane) -> None:
    deploy()
    [task] = client.get("/api/v1/tasks").json["items"]
    crane.cache.put_all("nodes", [], crane.cache.begin())

    [found] = client.get(f"/api/v1/tasks?node={task['NodeID']}").json["items"]

    assert found["ID"] == task["ID"]
