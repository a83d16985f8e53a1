"""Configs and secrets over HTTP: made, listed, labelled, removed, and who uses them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

FILE = """
services:
  web: {image: 'nginx:1', secrets: [{source: key, target: server.key, mode: 0400}], configs: [app]}
  api: {image: 'nginx:1', secrets: [key]}
secrets: {key: {file: ./key}}
configs: {app: {file: ./app}}
"""
ATTACHED = {"key": {"content": "hush"}, "app": {"content": "a = 1"}}
KINDS = ("config", "secret")


def encode(text: str) -> str:
    """Return text as base64."""
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def events() -> list[Any]:
    """What plugins were told."""
    return []


@pytest.fixture
def crane_plugins(events: list[Any]) -> list[Plugin]:
    """A listener."""

    def crane_event(event: Any) -> None:
        events.append(event)

    return [make_plugin("listener", crane_event)]


@pytest.fixture
def shop(deploy: Any) -> None:
    """A stack of two services that use a secret, one of them a config too."""
    deploy(FILE, attachments=ATTACHED)


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_of_text(client, swarm, crane, kind):
    answer = client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "grüße", "labels": {"tier": "front"}})

    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/{kind}s/key"
    shown = answer.json
    assert (shown["name"], shown["stack"], shown["services"]) == ("key", None, 0)
    assert shown["Spec"] == {"Name": "key", "Labels": {"tier": "front"}}
    data = swarm.secret_data("key") if kind == "secret" else crane.engine.inspect("config", "key")["Spec"]["Data"]
    assert data == encode("grüße")


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_of_bytes(client, kind):
    data = base64.b64encode(b"\x00\xff").decode()

    assert client.post(f"/api/v1/{kind}s", json={"name": "key", "data": data}).status_code == 201


@pytest.mark.parametrize("kind", KINDS)
def test_one_is_made_as_a_template(client, kind):
    sent = {"name": "key", "content": "{{.Node.Hostname}}", "template": True}

    assert client.post(f"/api/v1/{kind}s", json=sent).json["Spec"]["Templating"] == {"Name": "golang"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ({}, "/content", "content-missing"),
        ({"content": "a", "data": "YQ=="}, "/content", "content-missing"),
        ({"data": "no base64!"}, "/data", "not-base64"),
        ({"data": "ü"}, "/data", "not-base64"),
        ({"content": ""}, "/content", "content-size"),
        ({"content": "x" * 1_024_000}, "/content", "content-size"),
    ],
)
def test_content_that_is_none_is_refused(client, swarm, kind, sent, pointer, code):
    answer = client.post(f"/api/v1/{kind}s", json={"name": "key", **sent})

    assert answer.status_code == 422
    [error] = answer.json["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert swarm.writes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", [
    {"name": "two words", "content": "a"}, {"name": "", "content": "a"}, {"name": "x" * 65, "content": "a"},
    {"name": ["x"], "content": "a"}, {"content": "a"}, {"name": "x", "content": {"a": 1}},
    {"name": "x", "content": "a", "labels": {"a": 1}}, {"name": "x", "content": "a", "labels": {"": "1"}},
    {"name": "x", "content": "a", "driver": "vault"},
])  # fmt: skip
def test_bad_input_is_refused_in_words(client, kind, sent):
    answer = client.post(f"/api/v1/{kind}s", json=sent)

    assert answer.status_code == 422, answer.json
    assert answer.json["detail"].endswith(".") or answer.json["detail"]


@pytest.mark.parametrize("kind", KINDS)
def test_name_is_taken_once(client, kind):
    client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "a"})

    answer = client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "b"})

    assert (answer.status_code, answer.json["code"]) == (409, "name-taken")


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_one_is_told_so(client, kind):
    for method, path in (("GET", ""), ("GET", "/services"), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")):
        answer = client.open(f"/api/v1/{kind}s/none{path}", method=method, json={"labels": {}, "content": "a"})
        wanted = 422 if (method, path) in (("PATCH", ""), ("POST", "/rotate")) else 404
        assert answer.status_code in (404, wanted), (method, path, answer.json)
    assert client.patch(f"/api/v1/{kind}s/none", json={"labels": {}}).status_code == 404
    assert client.post(f"/api/v1/{kind}s/none/rotate", json={"content": "a"}).status_code == 404


@pytest.mark.usefixtures("shop")
def test_lists_tell_stacks_and_how_many_services_use_them(client):
    client.post("/api/v1/secrets", json={"name": "alone", "content": "a"})

    def rows(query: str = "") -> list[tuple[str, str | None, int]]:
        return [
            (row["name"], row["stack"], row["services"]) for row in client.get(f"/api/v1/secrets{query}").json["items"]
        ]

    assert rows() == [("alone", None, 0), ("shop_key", "shop", 2)]
    assert rows("?used=false") == [("alone", None, 0)]
    assert rows("?stack=shop") == [("shop_key", "shop", 2)]
    assert rows("?sort=-services&limit=1") == [("shop_key", "shop", 2)]
    assert client.get("/api/v1/secrets?used=maybe").status_code == 422


@pytest.mark.usefixtures("shop")
def test_users_are_told_with_the_files_that_it_is(client):
    users = client.get("/api/v1/secrets/shop_key/services").json["items"]

    assert [(use["name"], use["files"][0]["Name"], use["files"][0]["Mode"], use["former"]) for use in users] == [
        ("shop_api", "key", 0o444, False),
        ("shop_web", "server.key", 0o400, False),
    ]


def test_user_by_a_rollback_is_told_as_a_former_one(deploy, client):
    deploy(FILE, attachments=ATTACHED)
    deploy("services: {web: {image: 'nginx:1'}, api: {image: 'nginx:1'}}")

    users = client.get("/api/v1/configs/shop_app/services").json["items"]

    assert [(use["name"], use["former"], use["files"]) for use in users] == [("shop_web", True, [])]


@pytest.mark.usefixtures("shop")
def test_one_in_use_is_not_removed_and_its_users_are_named(client, swarm):
    answer = client.delete("/api/v1/secrets/shop_key")

    assert (answer.status_code, answer.json["code"]) == (409, "in-use")
    assert answer.json["detail"].startswith("The secret shop_key is used by shop_api and shop_web. ")
    assert "shop_key" in swarm.secrets


@pytest.mark.parametrize("kind", KINDS)
def test_unused_one_is_removed(client, swarm, kind):
    client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "a"})

    assert client.delete(f"/api/v1/{kind}s/key").status_code == 204
    assert client.get(f"/api/v1/{kind}s/key").status_code == 404
    assert (swarm.secrets, swarm.configs) == ([], [])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_changed_one_by_one(client, kind):
    client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "a", "labels": {"a": "1", "b": "2"}})

    answer = client.patch(f"/api/v1/{kind}s/key", json={"labels": {"a": None, "c": "3"}})

    assert answer.json["Spec"]["Labels"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_an_older_version_are_not_changed(client, kind):
    client.post(f"/api/v1/{kind}s", json={"name": "key", "content": "a"})
    etag = client.get(f"/api/v1/{kind}s/key").headers["ETag"]
    client.patch(f"/api/v1/{kind}s/key", json={"labels": {"a": "1"}})

    answer = client.patch(f"/api/v1/{kind}s/key", json={"labels": {"a": "2"}}, headers={"If-Match": etag})

    assert (answer.status_code, answer.json["code"]) == (409, "outdated")


def test_labels_that_look_secret_are_hidden(client):
    client.post("/api/v1/configs", json={"name": "app", "content": "a", "labels": {"password": "hush"}})

    assert "hush" not in client.get("/api/v1/configs").text + client.get("/api/v1/configs/app").text


def test_content_of_a_config_is_shown_and_told(client, crane, events):
    client.post("/api/v1/configs", json={"name": "app", "content": "listen 80;"})
    client.post("/api/v1/configs", json={"name": "blob", "data": base64.b64encode(b"\xff").decode()})

    text = client.get("/api/v1/configs/app/content")
    blob = client.get("/api/v1/configs/blob/content").json

    assert (text.json["content"], text.headers["Cache-Control"]) == ("listen 80;", "no-store")
    assert (blob["content"], blob["data"]) == (None, "/w==")
    crane.events.drain()
    assert [event.name for event in events if event.kind == "config.revealed"] == ["app", "blob"]


def test_content_of_a_secret_has_no_address(client):
    client.post("/api/v1/secrets", json={"name": "key", "content": "hush"})

    assert client.get("/api/v1/secrets/key/content").status_code == 404
