"""Operations over HTTP: listed, waited for and followed."""

from __future__ import annotations

import json

import pytest

from crane_core.errors import EngineUnavailable
from crane_core.testing.behaviours import Exits
from crane_core.testing.waiting import until_read_again


def test_operations_are_listed_newest_first_and_filtered(deploy, client):
    deploy()
    client.post("/api/v1/services", json={"name": "alone", "image": "nginx:1"})

    def kinds(query=""):
        return [row["kind"] for row in client.get(f"/api/v1/operations{query}").json["items"]]

    assert kinds() == ["service.create", "stack.deploy"]
    assert kinds("?stack=shop") == ["stack.deploy"]
    assert kinds("?kind=service.create") == ["service.create"]
    assert kinds("?limit=1&offset=1") == ["stack.deploy"]


def test_unknown_operation_is_told_so(client):
    assert client.get("/api/v1/operations/0000").json["code"] == "operation-not-found"


def test_answer_waits_for_the_verdict(deploy, client):
    operation = deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}}").json

    ended = client.get(f"/api/v1/operations/{operation['id']}?wait=60").json

    assert (ended["state"], ended["verdict"]["outcome"]) == ("ended", "converged")
    assert ended["ended_at"] is not None


def test_change_waits_for_the_verdict_when_asked_to(client, body):
    answer = client.put(
        "/api/v1/stacks/shop?wait=60", json=body("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}}")
    )

    assert (answer.status_code, answer.json["state"]) == (200, "ended")


def test_operation_is_followed_line_by_line_to_its_end(deploy, client):
    operation = deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}}").json

    answer = client.get(f"/api/v1/operations/{operation['id']}/events", headers={"Accept": "application/x-ndjson"})

    lines = [json.loads(line) for line in answer.text.splitlines() if line]
    assert answer.mimetype == "application/x-ndjson"
    assert [lines[-1]["id"], lines[-1]["state"]] == [operation["id"], "ended"]


def test_operation_is_followed_by_server_sent_events(deploy, client):
    operation = deploy("services: {web: {image: 'nginx:1', deploy: {replicas: 0}}}").json

    answer = client.get(f"/api/v1/operations/{operation['id']}/events", headers={"Accept": "text/event-stream"})

    frames = [frame for frame in answer.text.split("\n\n") if frame.strip()]
    assert answer.mimetype == "text/event-stream"
    assert json.loads(frames[-1].removeprefix("data: "))["state"] == "ended"


def test_service_that_crashes_ends_with_its_exit_code(client, body, swarm, crane):
    swarm.images["broken:1"] = Exits(3)
    operation = client.put("/api/v1/stacks/shop", json=body("services: {web: {image: 'broken:1'}}")).json
    swarm.settle(most=60)
    crane.watcher.look(full=True)

    ended = client.get(f"/api/v1/operations/{operation['id']}?wait=60").json

    assert ended["verdict"]["outcome"] == "failed"
    assert "3" in ended["verdict"]["cause"]
    assert ended["services"][0]["failing"][0]["exit_code"] == 3


def notice(crane):
    """Let the server find out that the Engine is away."""
    with pytest.raises(EngineUnavailable):
        crane.watcher.look()


class TestEngineAway:
    """While the Engine cannot be reached."""

    def test_lists_keep_answering_with_their_age(self, deploy, client, crane, swarm):
        deploy()
        swarm.go_away()
        notice(crane)

        for path in ("stacks", "services", "tasks", "nodes"):
            listed = client.get(f"/api/v1/{path}").json
            assert listed["total"] >= 1, path
            [source] = listed["sources"]
            assert source["state"] == "stale"
            assert source["age"] is not None
            assert source["error"]

    def test_changes_are_refused_and_change_nothing(self, deploy, client, body, swarm):
        deploy()
        written = len(swarm.writes)
        swarm.go_away()

        answers = [
            client.put("/api/v1/stacks/shop", json=body("services: {web: {image: 'nginx:2'}}")),
            client.post("/api/v1/services", json={"name": "new", "image": "nginx:1"}),
            client.post("/api/v1/services/shop_web/scale", json={"replicas": 3}),
            client.delete("/api/v1/services/shop_web"),
            client.delete("/api/v1/stacks/shop"),
        ]

        assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(503, "engine-unavailable")}
        swarm.come_back()
        assert len(swarm.writes) == written

    def test_health_says_so_and_recovers(self, deploy, client, crane, swarm):
        deploy()
        swarm.go_away()
        notice(crane)
        degraded = client.get("/api/v1/health").json
        swarm.come_back()
        until_read_again(crane)
        recovered = client.get("/api/v1/health").json

        assert (degraded["state"], degraded["checks"]["engine"]["state"]) == ("degraded", "degraded")
        assert recovered["state"] == "ok"
        assert client.get("/api/v1/services").json["sources"][0]["state"] == "fresh"
