"""What is found at the root of the server."""

from __future__ import annotations

from types import ModuleType

import flask
import pytest

from crane_core.hookspecs import hookimpl
from crane_core.plugins import Plugin
from crane_core.security import public


def test_browser_is_led_to_the_api_and_a_program_is_told_where_it_is(client):
    browser = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    program = client.get("/")

    assert (browser.status_code, browser.headers["Location"]) == (302, "/api/v1/docs")
    assert program.json["api"] == "/api/v1/openapi.json"


class TestWithAPluginThatHasAPageThere:
    @pytest.fixture
    def crane_plugins(self):
        blueprint = flask.Blueprint("front", __name__)

        @blueprint.route("/")
        @public("It is the panel.")
        def front() -> str:
            return "the panel"

        module = ModuleType("front")
        module.crane_routes = hookimpl(lambda: [blueprint], specname="crane_routes")
        return [Plugin("front", module=module)]

    def test_its_page_is_served(self, client):
        assert client.get("/").text == "the panel"
