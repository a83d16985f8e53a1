"""Nobody's service passes for the agent or reads its keys."""

from __future__ import annotations

import pytest

from crane_core.engine.agent import LABEL, SERVICE


def codes(answer):
    return {(error["pointer"], error.get("code")) for error in answer.json["errors"]}


@pytest.mark.parametrize("labels", [{LABEL: "true"}, {f"{LABEL}.authorities": "x"}])
def test_service_labelled_like_the_agent_is_refused(client, labels):
    answer = client.post("/api/v1/services", json={"name": "web", "image": "nginx:1", "Labels": labels})

    assert answer.status_code == 422
    assert {code for _, code in codes(answer)} == {"agent-reserved"}


def test_container_labelled_like_the_agent_is_refused(client):
    container = {"Image": "nginx:1", "labels": {LABEL: "true"}}

    answer = client.post("/api/v1/services", json={"Name": "web", "TaskTemplate": {"ContainerSpec": container}})

    assert answer.status_code == 422


def test_service_called_like_the_agent_is_refused(client):
    answer = client.post("/api/v1/services", json={"name": SERVICE, "image": "nginx:1"})

    assert answer.status_code == 422
    assert "crane agent" in answer.json["errors"][0]["detail"]


def test_keys_of_the_agent_are_given_to_no_stack(agents, finish, client, swarm, body):
    agents.install("ann")
    finish()
    name = next(each for each in swarm.secrets if "certificate" in each)
    file = f"""
services: {{web: {{image: 'nginx:1', secrets: [own], configs: [front]}}}}
secrets: {{own: {{external: true, name: {name}}}}}
configs: {{front: {{external: true, name: {swarm.configs[0]}}}}}
"""

    answer = client.put("/api/v1/stacks/shop", json=body(file))

    assert answer.status_code == 422
    assert [error["code"] for error in answer.json["errors"]] == ["agent-reserved", "agent-reserved"]
    assert "web" in answer.json["errors"][0]["pointer"]


def test_policy_that_forbids_everything_does_not_keep_the_agent_out(agents, finish, crane, swarm):
    crane.settings._values["policy.forbid"] = ["all"]

    agents.install("ann")
    finish()

    assert swarm.services == [SERVICE]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PATCH", "/services/crane-agent", {"TaskTemplate": {"ContainerSpec": {"Image": "evil:1"}}}),
        ("POST", "/services/crane-agent/image", {"image": "evil:1"}),
        ("POST", "/services/crane-agent/force", None),
    ],
)
def test_agent_is_changed_by_its_own_routes_only(agents, finish, client, swarm, method, path, sent):
    agents.install("ann")
    finish()
    before = swarm.service(SERVICE)["Spec"]

    answer = client.open(f"/api/v1{path}", method=method, json=sent)

    assert answer.status_code == 422
    assert swarm.service(SERVICE)["Spec"] == before
