"""The agent over HTTP."""

from __future__ import annotations

import pytest

from crane_core.engine.agent import SERVICE


@pytest.fixture
def installed(agents, finish):
    agents.install("ann")
    finish()


def test_before_it_is_installed_it_is_absent(client):
    told = client.get("/api/v1/agent").json

    assert (told["installed"], told["state"], told["image"], told["nodes"]) == (
        False,
        "absent",
        "haproxy:3.2-alpine",
        [],
    )


def test_installing_answers_while_agents_start(client, swarm):
    answer = client.post("/api/v1/agent")

    assert answer.status_code == 202
    assert answer.json["state"] == "rolling"
    assert swarm.services == [SERVICE]


def test_rotating_and_removing_what_is_not_there_is_refused(client):
    for method, path in (("POST", "/rotate"), ("DELETE", "")):
        answer = client.open(f"/api/v1/agent{path}", method=method)
        assert (answer.status_code, answer.json["code"]) == (409, "agent-absent")


def test_rotating_answers_while_agents_are_replaced(installed, client):
    answer = client.post("/api/v1/agent/rotate")

    assert (answer.status_code, answer.json["state"]) == (202, "rotating")


def test_removing_leaves_nothing(installed, client, swarm):
    assert client.delete("/api/v1/agent").status_code == 204
    assert (swarm.services, swarm.secrets) == ([], [])


@pytest.mark.parametrize("query", ["wait=-1", "wait=soon", "weight=1"])
def test_what_cannot_be_waited_for_is_refused(client, query, swarm):
    assert client.post(f"/api/v1/agent?{query}").status_code == 422
    assert swarm.services == []


def test_what_is_done_to_it_is_told(client, crane, swarm):
    told = []
    crane.events._deliver = told.append

    client.post("/api/v1/agent")
    client.delete("/api/v1/agent")
    crane.events.drain()

    assert [(event.kind, event.name, event.by) for event in told if event.kind.startswith("agent.")] == [
        ("agent.installed", SERVICE, "local"),
        ("agent.removed", SERVICE, "local"),
    ]
