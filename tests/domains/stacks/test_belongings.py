"""What belongs to one stack is used by no other, unless somebody who may change both says so."""

from __future__ import annotations

from typing import Any

import pytest

from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote
from crane_core.testing.plugins import make_plugin

CODE = "belongs-to-another"
BANK = """
services:
  db:
    image: nginx:1
    volumes: [data:/data]
    secrets: [key]
    configs: [app]
    networks: [back]
volumes: {data: {}}
networks: {back: {}}
secrets: {key: {file: ./key}}
configs: {app: {file: ./app}}
"""
ATTACHED = {"key": {"content": "hush"}, "app": {"content": "a"}}
STEALING = {
    "secret": "services: {web: {image: 'nginx:1', secrets: [x]}}\nsecrets: {x: {external: true, name: bank_key}}",
    "config": "services: {web: {image: 'nginx:1', configs: [x]}}\nconfigs: {x: {external: true, name: bank_app}}",
    "network": "services: {web: {image: 'nginx:1', networks: [x]}}\nnetworks: {x: {external: true, name: bank_back}}",
    "network, as its own": "services: {web: {image: 'nginx:1', networks: [x]}}\nnetworks: {x: {name: bank_back}}",
    "volume": (
        "services: {web: {image: 'nginx:1', volumes: ['old:/x']}}\nvolumes: {old: {external: true, name: bank_data}}"
    ),
    "secret, as its own": (
        "services: {web: {image: 'nginx:1', secrets: [x]}}\nsecrets: {x: {file: ./key, name: bank_key}}"
    ),
    "config, as its own": (
        "services: {web: {image: 'nginx:1', configs: [x]}}\nconfigs: {x: {file: ./app, name: bank_app}}"
    ),
    "secret of no stack": (
        "services: {web: {image: 'nginx:1', secrets: [x]}}\nsecrets: {x: {external: true, name: tls}}"
    ),
}
PATCHES = {
    "secret": {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretName": "bank_key", "File": {"Name": "x"}}]}}},
    "config": {"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigName": "bank_app", "File": {"Name": "x"}}]}}},
    "network": {"TaskTemplate": {"Networks": [{"Target": "bank_back"}]}},
    "volume": {
        "TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "volume", "Source": "bank_data", "Target": "/x"}]}}
    },
}


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """Callers who may do everything to the stack of their name; the admin to all."""

    def crane_authenticate(request: Any) -> Identity:
        return Identity(request.headers["Authorization"])

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        return Vote.allow() if identity.name in ("admin", target.stack) else None

    return [make_plugin("auth", crane_authenticate, crane_authorize)]


@pytest.fixture
def send(client: Any, body: Any, settle: Any) -> Any:
    """Deploy a file as a stack, by somebody."""

    def act(who: str, stack: str, content: str) -> Any:
        used = {name: each for name, each in ATTACHED.items() if f"./{name}" in content}
        sent = body(content, attachments=used)
        answer = client.put(f"/api/v1/stacks/{stack}", json=sent, headers={"Authorization": who})
        settle()
        return answer

    return act


@pytest.mark.parametrize("way", STEALING)
def test_what_belongs_to_another_stack_is_not_taken_by_a_file(send: Any, swarm: Any, crane: Any, way: str) -> None:
    crane.engine.create("secret", {"Name": "tls", "Data": "aHVzaA=="})
    assert send("admin", "bank", BANK).status_code == 202
    written = len(swarm.writes)

    refused = send("shop", "shop", STEALING[way])

    assert (refused.status_code, refused.json["code"]) == (422, "plan-refused"), refused.json
    assert {error["code"] for error in refused.json["errors"]} == {CODE}
    assert len(swarm.writes) == written
    assert send("admin", "shop", STEALING[way]).status_code == 202


@pytest.mark.parametrize("way", PATCHES)
def test_what_belongs_to_another_stack_is_not_taken_by_a_service(send: Any, client: Any, swarm: Any, way: str) -> None:
    send("admin", "bank", BANK)
    send("shop", "shop", "services: {web: {image: 'nginx:1'}}")
    written = len(swarm.writes)

    def patch(who: str) -> Any:
        return client.patch("/api/v1/services/shop_web", json=PATCHES[way], headers={"Authorization": who})

    refused = patch("shop")

    assert (refused.status_code, {error["code"] for error in refused.json["errors"]}) == (422, {CODE}), refused.json
    assert len(swarm.writes) == written
    assert patch("admin").status_code == 202


def test_what_somebody_gave_to_a_stack_it_may_go_on_using(send: Any, client: Any) -> None:
    send("admin", "bank", BANK)
    given = STEALING["secret"]
    assert send("admin", "shop", given).status_code == 202

    assert send("shop", "shop", given.replace("nginx:1", "nginx:2")).status_code == 202


def test_return_to_what_was_taken_away_is_refused(send: Any, client: Any) -> None:
    send("admin", "bank", BANK)
    send("admin", "shop", STEALING["secret"])
    send("admin", "shop", "services: {web: {image: 'nginx:1'}}")

    answer = client.post("/api/v1/services/shop_web/rollback", headers={"Authorization": "shop"})

    assert (answer.status_code, {error["code"] for error in answer.json["errors"]}) == (422, {CODE})


def test_stack_uses_what_is_its_own(send: Any, client: Any, crane: Any) -> None:
    crane.engine.create("secret", {"Name": "bank_tls", "Data": "aHVzaA=="})
    by_hand = BANK.replace("secrets: [key]", "secrets: [key, tls]").replace(
        "secrets: {key: {file: ./key}}", "secrets: {key: {file: ./key}, tls: {external: true, name: bank_tls}}"
    )

    assert send("bank", "bank", BANK).status_code == 202
    assert send("bank", "bank", by_hand).status_code == 202


def test_network_of_no_stack_is_there_for_all(send: Any, swarm: Any) -> None:
    swarm.make_network("front", {})

    answer = send(
        "shop", "shop", "services: {web: {image: 'nginx:1', networks: [front]}}\nnetworks: {front: {external: true}}"
    )

    assert answer.status_code == 202
