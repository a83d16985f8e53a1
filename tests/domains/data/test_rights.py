"""Configs and secrets of one stack, and those who may not touch them."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

LABEL = "com.docker.stack.namespace"
FILE = "services: {web: {image: 'nginx:1'}, api: {image: 'nginx:1'}}"
KINDS = ("config", "secret")


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """Callers who may do everything to the stack of their name; the admin to all."""

    def crane_authenticate(request: Any) -> Identity:
        return Identity(request.headers.get("X-Name", "admin"))

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
        own = target.stack == identity.name or (not target.name and not target.id and target.stack is None)
        return Vote(identity.name == "admin" or own, "it is not theirs")

    return [make_plugin("rights", crane_authenticate, crane_authorize)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_in_ones_own_stack_only(client, kind):
    def make(name: str, **labels: str) -> int:
        sent = {"name": name, "content": "a", "labels": labels}
        return client.post(f"/api/v1/{kind}s", json=sent, headers={"X-Name": "shop"}).status_code

    assert make("a", **{LABEL: "shop"}) == 201
    assert make("b", **{LABEL: "bank"}) == 403
    assert make("c") == 403


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_not_moved_to_another_stack(client, kind):
    client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "a", "labels": {LABEL: "shop"}})

    for stack in ("bank", None, ""):
        answer = client.patch(f"/api/v1/{kind}s/key", json={"labels": {LABEL: stack}}, headers={"X-Name": "shop"})
        assert answer.status_code == 403, stack


def test_services_of_others_are_counted_and_not_named(client, deploy, crane):
    deploy(FILE)
    client.post("/api/v1/configs", json={"name": "own", "content": "a", "labels": {LABEL: "bank"}})
    live = crane.cache.snapshot().get_config("own")
    reference = {"ConfigID": live.id, "ConfigName": "own", "File": {"Name": "x", "UID": "0", "GID": "0", "Mode": 292}}
    client.patch("/api/v1/services/shop_web", json={"TaskTemplate": {"ContainerSpec": {"Configs": [reference]}}})

    mine = {"X-Name": "bank"}

    assert client.get("/api/v1/configs", headers=mine).json["items"][0]["services"] == 1
    assert client.get("/api/v1/configs/own/services", headers=mine).json["items"] == []
    refused = client.delete("/api/v1/configs/own", headers=mine).json["detail"]
    assert "shop_web" not in refused
    assert "1 service that you may not see" in refused
