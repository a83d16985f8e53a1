"""Facts about the server that is put together from the parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import flask
import marshmallow as ma
import pytest
from flask import Flask
from flask.testing import FlaskClient

from crane_core.app import create_app
from crane_core.contributions import Action
from crane_core.errors import SetupError
from crane_core.http import Blueprint, answer
from crane_core.plugins import Plugin
from crane_core.security import Identity, Target, Vote, guard
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.plugins import make_plugin
from crane_core.testing.waiting import until_read_again

RunServer = Callable[..., Flask]


def test_page_of_the_api_asks_no_other_host(client: FlaskClient) -> None:
    page = client.get("/api/v1/docs")

    assert page.status_code == 200
    assert re.findall(r"https?://[^\"' ]+", page.text) == []
    assert 'load-fonts = "false"' in page.text
    script = client.get("/api/v1/docs/rapidoc-min.js")
    assert (script.status_code, script.mimetype) == (200, "text/javascript")


def test_browser_is_told_to_take_nothing_from_elsewhere(client: FlaskClient) -> None:
    headers = client.get("/api/v1/docs").headers

    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_refused_request_has_the_security_headers_too(client: FlaskClient) -> None:
    answered = client.get("/api/v1/nothing")

    assert answered.status_code == 404
    assert answered.headers["X-Content-Type-Options"] == "nosniff"


def test_every_document_of_the_api_is_openapi_3_1(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json

    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Crane"
    guarded = [
        operation
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    assert all("x-crane-action" in each or each.get("security") == [] for each in guarded)


def test_wrong_method_of_a_real_route_keeps_allow(client: FlaskClient) -> None:
    answered = client.delete("/api/v1/plugins")

    assert answered.status_code == 405
    assert "GET" in answered.headers["Allow"]


def test_plugins_are_listed_over_http(run_server: RunServer, caplog: pytest.LogCaptureFixture) -> None:
    def load() -> ModuleType:
        raise ImportError("no module named left_pad")

    client = run_server(
        Plugin("broken", "crane-broken", "2.0", load=load), make_plugin("needy", requires=["broken"])
    ).test_client()

    rows = {row["name"]: row for row in client.get("/api/v1/plugins").json["items"]}

    assert rows["broken"]["state"] == "failed"
    assert "left_pad" in rows["broken"]["error"]
    assert (rows["needy"]["state"], rows["needy"]["requires"]) == ("blocked", ["broken"])
    assert rows["core"]["state"] == "active"
    assert client.get("/api/v1/plugins?state=blocked").json["total"] == 1


def test_caller_here_may_do_everything_while_no_plugin_authenticates(client: FlaskClient, crane_app: Flask) -> None:
    told = client.get("/api/v1/whoami").json

    assert (told["name"], told["kind"], told["version"]) == ("local", "local", crane_app.extensions["crane"].version)
    assert told["actions"] == sorted(crane_app.extensions["crane"].actions)
    assert {"service:create", "node:read", "live:read"} <= set(told["actions"])


def test_caller_is_told_what_they_may_do_in_general(run_server: RunServer) -> None:
    asked: list[tuple[str, Target]] = []

    def crane_authenticate(request: flask.Request) -> Identity | None:
        name = request.headers.get("X-Name")
        return Identity(name) if name else None

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        asked.append((action, target))
        if identity.name == "bob" and action == "service:update":
            return Vote.deny("not to any")
        return Vote.allow() if identity.name in ("ann", "bob") and action.startswith("service:") else None

    client = run_server(make_plugin("auth", crane_authenticate, crane_authorize)).test_client()

    def actions(name: str) -> list[str]:
        return client.get("/api/v1/whoami", headers={"X-Name": name}).json["actions"]

    held = ["service:create", "service:exec", "service:read", "service:read-logs", "service:remove", "service:reveal"]
    assert actions("ann") == [*held, "service:update"]
    assert actions("bob") == held
    assert actions("eve") == actions("") == []
    assert all(target == Target(action.partition(":")[0]) for action, target in asked)


def test_caller_is_told_what_they_may_do_to_single_objects(run_server: RunServer) -> None:
    def crane_authenticate(request: flask.Request) -> Identity:
        return Identity("ann")

    def crane_authorize(identity: Identity, action: str, target: Target) -> Vote | None:
        return Vote.allow() if target.stack == "shop" and action != "stack:remove" else None

    client = run_server(make_plugin("auth", crane_authenticate, crane_authorize)).test_client()

    def rights(query: str) -> list[tuple[str, list[str]]]:
        items = client.get(f"/api/v1/whoami/rights?{query}").json["items"]
        return [(item["name"], item["actions"]) for item in items]

    assert rights("kind=stack&name=shop&name=bank") == [
        ("shop", ["stack:plan", "stack:read", "stack:read-logs", "stack:update"]),
        ("bank", []),
    ]
    assert rights("kind=service&name=nowhere") == [("nowhere", [])]
    assert rights("kind=nothing&name=shop") == [("shop", [])]
    assert rights("kind=stack") == []
    assert client.get(f"/api/v1/whoami/rights?kind=stack{'&name=shop' * 201}").status_code == 422


def test_settings_of_a_plugin_that_is_switched_off_are_no_error(swarm: MemorySwarm) -> None:
    app = create_app(
        {"plugins.disabled": ["freeze"]},
        environ={"CRANE_FREEZE_DAYS": "3"},
        plugins=[make_plugin("freeze")],
        transport=MemoryAdapter(swarm),
    )

    assert app.extensions["crane"].plugins.find("freeze").state == "disabled"


def test_plugin_is_switched_off_by_the_file(swarm: MemorySwarm, tmp_path: Path) -> None:
    settings = tmp_path / "crane.toml"
    settings.write_text('[plugins]\ndisabled = ["freeze"]\n[freeze]\ndays = 3\n')

    app = create_app(
        environ={"CRANE_CONFIG": str(settings)}, plugins=[make_plugin("freeze")], transport=MemoryAdapter(swarm)
    )

    assert app.extensions["crane"].plugins.find("freeze").state == "disabled"


def test_building_an_application_asks_the_engine_nothing(swarm: MemorySwarm) -> None:
    create_app(environ={}, plugins=[], transport=MemoryAdapter(swarm))

    assert swarm.calls == []


def plugin_with_a_schema(name: str, member: str) -> Plugin:
    """Make a plugin whose schema is called ThingSchema."""
    schema = type("ThingSchema", (ma.Schema,), {member: ma.fields.String(), "__module__": f"crane_{name}.schemas"})
    blueprint = Blueprint(name, __name__, url_prefix="/api/v1")

    @blueprint.route(f"/{name}")
    @guard(f"{name}:read")
    @blueprint.response(200, schema)
    def show() -> Any:
        """Show it."""
        return answer({})

    def crane_actions() -> Iterator[Action]:
        yield Action(f"{name}:read", "See it.")

    def crane_routes() -> Iterator[flask.Blueprint]:
        yield blueprint

    return make_plugin(name, crane_actions, crane_routes)


def test_two_plugins_may_use_one_name_for_a_schema(run_server: RunServer) -> None:
    app = run_server(plugin_with_a_schema("ann", "left"), plugin_with_a_schema("bob", "right"))

    schemas = app.test_client().get("/api/v1/openapi.json").json["components"]["schemas"]

    assert set(schemas["ann.Thing"]["properties"]) == {"left"}
    assert set(schemas["bob.Thing"]["properties"]) == {"right"}


def test_engine_that_is_away_leaves_lists_with_their_age(
    client: FlaskClient, crane_app: Flask, swarm: MemorySwarm
) -> None:
    before = client.get("/api/v1/nodes").json
    swarm.go_away()
    with pytest.raises(Exception, match="Engine"):
        crane_app.extensions["crane"].watcher.look()

    after = client.get("/api/v1/nodes").json

    assert [item["name"] for item in after["items"]] == [item["name"] for item in before["items"]]
    assert after["sources"][0]["state"] == "stale"
    assert after["sources"][0]["age"] >= 0
    assert client.get("/api/v1/health").json["state"] == "degraded"

    swarm.come_back()
    until_read_again(crane_app.extensions["crane"])

    assert client.get("/api/v1/nodes").json["sources"][0]["state"] == "fresh"
    assert client.get("/api/v1/health").json["state"] == "ok"


def test_server_does_not_start_with_an_unknown_setting(swarm: MemorySwarm) -> None:
    with pytest.raises(SetupError, match=r"Did you mean server\.port"):
        create_app({"server.prot": 1}, environ={}, plugins=[], transport=MemoryAdapter(swarm))
