"""The example plugins of the documentation do what they say."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

from crane_core.contributions import Loop
from crane_core.plugins import Plugin

ROOT = Path(__file__).parents[2]
STACK = "services: {web: {image: 'registry.house.example/web:1'}}"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import an example plugin, for this test only."""

    def act(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return act


@pytest.fixture
def crane_plugins(request: pytest.FixtureRequest, load: Callable[[str], ModuleType]) -> list[Plugin]:
    """The example that the test asks for."""
    name = request.param
    return [Plugin(name, module=load(f"crane_{name}"))]


def deploy(client: Any, **options: Any) -> Any:
    """Deploy the stack called shop."""
    body = {"files": [{"name": "stack.yml", "content": STACK}], "resolve_image": "never"}
    return client.put("/api/v1/stacks/shop", json=body, **options)


@pytest.mark.parametrize("crane_plugins", ["freeze"], indirect=True)
def test_frozen_service_is_not_deployed(client: Any, swarm: Any) -> None:
    frozen = client.put("/api/v1/freezes/shop_web", json={"reason": "an audit"})
    refused = deploy(client)

    assert frozen.status_code == 200
    assert client.get("/api/v1/freezes").json["items"] == [{"name": "shop_web", "reason": "an audit"}]
    assert (refused.status_code, refused.json["errors"][0]["detail"]) == (422, "The service is frozen: an audit")
    assert "crane_freeze_frozen_services 1.0" in client.get("/metrics").text
    assert client.get("/api/v1/health").json["checks"]["freeze"]["state"] == "ok"
    assert swarm.services == []


@pytest.mark.parametrize("crane_plugins", ["freeze"], indirect=True)
def test_page_of_freezes_does_what_it_offers(client: Any) -> None:
    [page] = client.get("/api/v1/pages").json["items"]
    offered = {action["label"]: action for action in page["actions"]}
    filled = {"name": "shop_web", "reason": "an audit"}
    freeze, thaw = offered["Freeze"], offered["Thaw"]
    sent = {
        field["name"]: filled[field["name"]]
        for field in freeze["fields"]
        if f"{{{field['name']}}}" not in freeze["url"]
    }

    frozen = client.open(freeze["url"].format(**filled), method=freeze["method"], json=sent)
    [row] = client.get(page["source"]).json["items"]
    thawed = client.open(thaw["url"].format(**row), method=thaw["method"])
    again = client.open(thaw["url"].format(**row), method=thaw["method"])

    assert (page["plugin"], page["columns"][0]["link"].format(**row)) == ("freeze", "/services/shop_web")
    assert (frozen.status_code, sent, row) == (200, {"reason": "an audit"}, filled)
    assert (thaw["each"], thaw["confirm"].format(**row)) == (True, "Thaw shop_web, so that it can be changed?")
    assert (thawed.status_code, thawed.json, again.status_code) == (200, filled, 404)
    assert client.get(page["source"]).json["items"] == []
    assert deploy(client).status_code == 202


@pytest.mark.parametrize("crane_plugins", ["turns"], indirect=True)
def test_two_servers_take_turns(crane_app: Flask, load: Callable[[str], ModuleType]) -> None:
    """Two threads play two servers: a lock of a file is of whoever opened it."""
    began, over, second, stop = threading.Event(), threading.Event(), threading.Event(), threading.Event()

    def take_turn(run: Callable[[threading.Event], object]) -> threading.Thread:
        def act() -> None:
            with crane_app.app_context():
                assert load("crane_turns").crane_run_once(Loop("core.count", run), stop) is True

        thread = threading.Thread(target=act)
        thread.start()
        return thread

    first = take_turn(lambda _: began.set() or over.wait(20))
    assert began.wait(20)
    other = take_turn(lambda _: second.set())
    assert not second.wait(0.1)
    over.set()

    assert second.wait(20)
    first.join()
    other.join()


@pytest.mark.parametrize("crane_plugins", ["turns"], indirect=True)
def test_file_that_is_open_for_a_request_is_closed_when_it_waits(crane_app: Flask, crane_plugins: list[Plugin]) -> None:
    turns = crane_plugins[0].module
    assert turns is not None
    crane = crane_app.extensions["crane"]
    crane.data_directory.mkdir(parents=True, exist_ok=True)

    with crane_app.app_context():
        diary = turns.open_diary()
        assert turns.open_diary() is diary
        crane.about_to_wait()
        assert diary.closed
        turns.open_diary()
        crane.about_to_wait()


@pytest.mark.parametrize("crane_plugins", ["house"], indirect=True)
class TestHouse:
    """Only who is of the house may do anything."""

    @pytest.fixture
    def crane_settings(self) -> dict[str, Any]:
        """What the operator of the house sets."""
        return {"house.token": "open sesame", "house.password": "for the registry"}

    def test_stranger_may_nothing(self, client: Any, swarm: Any, caplog: pytest.LogCaptureFixture) -> None:
        assert deploy(client).status_code == 401
        assert "PUT from 127.0.0.1 was refused: /api/v1/stacks/{name}" in caplog.text
        assert deploy(client, headers={"Authorization": "Bearer guess"}).status_code == 401
        assert swarm.services == []

    def test_resident_deploys_with_the_login_and_the_log_driver_of_the_house(
        self, client: Any, swarm: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = deploy(client, headers={"Authorization": "Bearer open sesame"})

        assert answer.status_code == 202
        assert swarm.service("shop_web")["Spec"]["TaskTemplate"]["LogDriver"] == {"Name": "local"}
        assert "for the registry" not in answer.text
        assert "begins stack.deploy of shop: 2 changes." in caplog.text
