"""No content of a secret, no password and no secret-looking variable comes out of the server anywhere."""

from __future__ import annotations

import base64
import logging

import pytest

from crane_core.testing.plugins import make_plugin

MARKER = "cAnArY-7f3a"
CONTENT = """
services:
  web:
    image: ghcr.io/team/web:1
    environment: {DB_PASSWORD: cAnArY-7f3a, DATABASE_URL: "postgres://u:cAnArY-7f3a@db/x"}
    command: ["serve", "--token", "cAnArY-7f3a"]
    secrets: [key]
secrets: {key: {file: ./key}}
"""


@pytest.fixture
def events():
    return []


@pytest.fixture
def crane_plugins(events):
    def crane_event(event):
        events.append(repr(event))

    return [make_plugin("listener", crane_event)]


def test_marker_is_told_nowhere(client, body, crane, swarm, events, caplog, settle):
    sent = body(
        CONTENT,
        attachments={"./key": {"content": MARKER}},
        registry_logins={"ghcr.io": {"username": "robot", "password": MARKER}},
        resolve_image="always",
    )
    told = []

    def ask(method, path, **members):
        answer = client.open(f"/api/v1{path}", method=method, **members)
        told.append((path, answer.text))
        return answer

    with caplog.at_level(logging.DEBUG):
        plan = ask("POST", "/stacks/shop/plan", json=sent).json
        ask("POST", f"/plans/{plan['id']}/apply")
        ask("GET", f"/plans/{plan['id']}")
        settle()
        changed = {**sent, "attachments": {"./key": {"content": f"{MARKER}-2"}}}
        changed["files"] = [
            {"name": "stack.yml", "content": CONTENT.replace("postgres://u:cAnArY", "postgres://u:2cAnArY")}
        ]
        operation = ask("PUT", "/stacks/shop?wait=1", json=changed).json
        settle()
        ask("POST", "/services/shop_web/force")
        ask("POST", "/services/shop_web/rollback?plan=true")
        settle()
        task = ask("GET", "/tasks").json["items"][0]["ID"]
        for path in (
            "/stacks", "/stacks/shop", "/stacks/shop/compose", "/stacks/shop/tasks", "/services", "/services/shop_web",
            "/services/shop_web/tasks", f"/tasks/{task}", "/operations", f"/operations/{operation['id']}", "/nodes",
            "/health", "/plugins",
        ):  # fmt: skip
            assert ask("GET", path).status_code == 200, path
    crane.events.drain()

    assert [path for path, text in told if MARKER in text] == []
    assert [event for event in events if MARKER in event] == []
    assert events != []
    assert [record.getMessage() for record in caplog.records if MARKER in record.getMessage()] == []
    journals = [path.read_text() for path in crane.data_directory.rglob("*") if path.is_file()]
    assert journals != []
    assert [text for text in journals if MARKER in text] == []
    # The Swarm itself was given everything.
    assert base64.b64decode(swarm.secret_data("shop_key")).decode() == MARKER
    assert any(MARKER.encode() in (call.body or b"") for call in swarm.calls)


def test_refusal_of_the_engine_is_told_without_the_password(client, swarm, settle):
    answer = client.post("/api/v1/services", json={"name": "web", "image": "nginx", "Labels": {"a": 5, "b": MARKER}})

    assert answer.status_code == 422
    assert MARKER not in answer.text
    assert swarm.services == []
