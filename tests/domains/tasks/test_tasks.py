"""Tasks over HTTP: listed by what they belong to, and inspected."""

from __future__ import annotations

import pytest

from crane_core.testing.behaviours import Exits


@pytest.fixture
def running(deploy):
    """Two services: one with two tasks, one with a secret-looking variable."""
    return deploy(
        "services:\n"
        "  web: {image: 'nginx:1', deploy: {replicas: 2}}\n"
        "  db: {image: 'redis:7', environment: {DB_PASSWORD: hush}}\n"
    )


def test_tasks_are_listed_by_service_and_slot(running, client):
    listed = client.get("/api/v1/tasks").json

    assert [task["name"] for task in listed["items"]] == ["shop_db.1", "shop_web.1", "shop_web.2"]
    assert {task["stack"] for task in listed["items"]} == {"shop"}
    assert listed["sources"][0]["state"] == "fresh"


def test_task_is_shown_by_the_name_that_lists_tell(running, client):
    [task] = client.get("/api/v1/tasks?service=shop_db").json["items"]

    assert client.get("/api/v1/tasks/shop_db.1").json["ID"] == task["ID"]
    assert client.get(f"/api/v1/tasks/shop_db.1.{task['ID'][:4]}").json["ID"] == task["ID"]


def test_tasks_are_filtered_sorted_and_paged(running, client, swarm):
    def names(query):
        return [task["name"] for task in client.get(f"/api/v1/tasks{query}").json["items"]]

    node = client.get("/api/v1/tasks?service=shop_db").json["items"][0]["node"]
    assert names("?service=shop_db") == ["shop_db.1"]
    assert "shop_db.1" in names(f"?node={node}")
    assert names("?state=failed") == []
    assert len(names("?desired_state=running")) == 3
    assert names("?sort=-name&limit=1") == ["shop_web.2"]
    assert names("?q=web") == ["shop_web.1", "shop_web.2"]


def test_present_is_what_is_alive_and_what_failed_lately(deploy, client, swarm):
    swarm.images["broken:1"] = Exits(3)
    deploy("services: {web: {image: 'nginx:1'}, bad: {image: 'broken:1', deploy: {restart_policy: {condition: none}}}}")
    swarm.settle(most=60)
    client.application.extensions["crane"].watcher.look()

    def states(**query):
        return [task["state"] for task in client.get("/api/v1/tasks", query_string=query).json["items"]]

    (failed,) = (task for task in client.get("/api/v1/tasks?state=failed").json["items"])
    assert states(present_since=failed["Status"]["Timestamp"]) == ["failed", "running"]
    assert states(present_since="2999-01-01T00:00:00Z") == ["running"]


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-01T25:00:00Z"])
def test_moment_that_is_none_is_refused(client, moment):
    refused = client.get("/api/v1/tasks", query_string={"present_since": moment})

    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/present_since")


def test_service_of_another_stack_is_not_listed_with_a_stack(running, client):
    deployed = client.post("/api/v1/services", json={"name": "alone", "image": "nginx:1"})
    assert deployed.status_code in (200, 202)

    assert client.get("/api/v1/stacks/shop/tasks?service=alone").json["items"] == []
    assert client.get("/api/v1/stacks/shop/tasks?service=shop_db").json["total"] == 1


def test_unchanged_list_costs_a_304(running, client):
    etag = client.get("/api/v1/tasks").headers["ETag"]

    assert client.get("/api/v1/tasks", headers={"If-None-Match": etag}).status_code == 304


def test_task_is_inspected_with_secret_looking_values_hidden(running, client):
    task = client.get("/api/v1/tasks?service=shop_db").json["items"][0]

    shown = client.get(f"/api/v1/tasks/{task['ID']}")

    assert shown.json["Spec"]["ContainerSpec"]["Env"] == ["DB_PASSWORD=(hidden)"]
    assert (shown.json["service"], shown.json["state"]) == ("shop_db", "running")
    assert "hush" not in shown.text
    assert [source["name"] for source in shown.json["sources"]] == ["engine"]


def test_failed_task_tells_its_exit_code(deploy, client, swarm):
    swarm.images["broken:1"] = Exits(3)
    deploy("services: {web: {image: 'broken:1'}}")

    failed = client.get("/api/v1/tasks?state=failed").json["items"]

    assert {(task["exit_code"], task["image"]) for task in failed} == {(3, "broken:1")}
    assert all(task["error"] for task in failed)


def test_unknown_task_is_told_so(client):
    assert client.get("/api/v1/tasks/none").status_code == 404
