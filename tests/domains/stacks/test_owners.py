"""Whose a service is: no stack takes what is not its own, and nobody puts services into stacks they may not have."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

LABEL = "com.docker.stack.namespace"


def test_stack_does_not_take_a_service_of_another(client: Any, swarm: Any, body: Any, settle: Any) -> None:
    client.put("/api/v1/stacks/shop_eu", json=body("services: {web: {image: 'nginx:1'}}"))
    settle()
    written = len(swarm.writes)

    answer = client.put("/api/v1/stacks/shop", json=body("services: {eu_web: {image: 'nginx:2'}}"))

    assert (answer.status_code, answer.json["code"]) == (422, "plan-refused")
    assert [error["detail"] for error in answer.json["errors"]] == [
        "There is a service shop_eu_web already, which belongs to the stack shop_eu. Rename or remove one of them."
    ]
    assert len(swarm.writes) == written


def test_stack_does_not_take_a_service_of_no_stack(client: Any, swarm: Any, body: Any, settle: Any) -> None:
    client.post("/api/v1/services", json={"name": "shop_web", "image": "nginx:1"})
    settle()

    answer = client.put("/api/v1/stacks/shop", json=body())

    assert answer.status_code == 422
    assert "belongs to no stack" in answer.json["errors"][0]["detail"]


class TestOthersStack:
    """A caller who may change services, and no stack but their own."""

    @pytest.fixture
    def crane_plugins(self) -> list[Plugin]:
        """Ann may do everything but change the stack of Bob."""

        def crane_authenticate(request: Any) -> Identity:
            return Identity("ann")

        def crane_authorize(identity: Identity, action: str, target: Target) -> Vote:
            return Vote.deny("it is Bob's") if (action, target.name) == ("stack:update", "bobs") else Vote.allow()

        return [make_plugin("auth", crane_authenticate, crane_authorize)]

    def test_service_is_not_created_in_it(self, client: Any, swarm: Any) -> None:
        spec = {"name": "web", "image": "nginx:1", "Labels": {LABEL: "bobs"}}

        assert client.post("/api/v1/services", json=spec).status_code == 403
        assert client.post("/api/v1/services?plan=true", json=spec).status_code == 403
        assert swarm.services == []

    def test_service_is_not_moved_into_it(self, client: Any, settle: Any, swarm: Any) -> None:
        client.post("/api/v1/services", json={"name": "web", "image": "nginx:1", "Labels": {LABEL: "anns"}})
        settle()
        written = len(swarm.writes)

        assert client.patch("/api/v1/services/web", json={"Labels": {LABEL: "bobs"}}).status_code == 403
        assert len(swarm.writes) == written
