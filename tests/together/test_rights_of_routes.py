"""Every route lets in whom the documented tables of routes and actions say, and nobody else.

The tables are those of ``docs/reference``, which people read: what is compared here is what they were told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser
from flask import Flask

from crane_core import app as application
from crane_core.engine.pool import Pool
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm

REFERENCE = Path(__file__).parents[2] / "docs/reference"
ROUTE = re.compile(r"^\| (GET|POST|PUT|PATCH|DELETE) \| `(/api/v1/[^`]*|/metrics)` \| .* \| (.*) \|$", re.MULTILINE)
ACTION = re.compile(r"^\| `([a-z-]+:[a-z-]+)` \| .* \| (viewer|operator|admin) \| ([a-z, ]+) \| `", re.MULTILINE)
RANKS = ("viewer", "operator", "admin")
STACK = """
services: {web: {image: 'nginx:1', secrets: [key], configs: [app]}}
secrets: {key: {file: a}}
configs: {app: {file: a}}
"""
ATTACHED = {"a": {"content": "a"}}
# Lines of the timeline demand what they tell of besides, and only who sees all of them can tell whether any is missing.
BEYOND_THE_TABLES = {
    "vic": {"GET /api/v1/timeline/{number}": False},
    "otto": {"GET /api/v1/timeline/check": False},
    "ada": dict[str, bool](),
}
# These answers go on for as long as somebody reads them; the live socket begins as a WebSocket.
ENDLESS = re.compile(r"/(follow|events|live)$")


@dataclass(frozen=True)
class Route:
    """A line of the table of routes."""

    method: str
    path: str
    action: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Demand:
    """A line of the table of actions."""

    least_role: str
    within: frozenset[str]


def routes() -> list[Route]:
    """Return the documented routes that demand an action."""
    page = (REFERENCE / "routes.md").read_text("utf-8")
    found = [Route(method, path, demands.strip("`")) for method, path, demands in ROUTE.findall(page)]
    return [each for each in found if re.fullmatch(r"[a-z-]+:[a-z-]+", each.action) and not ENDLESS.search(each.path)]


def actions() -> dict[str, Demand]:
    """Return the documented actions."""
    page = (REFERENCE / "actions.md").read_text("utf-8")
    return {
        name: Demand(role, frozenset(within.split(", ")) - {"everything"})
        for name, role, within in ACTION.findall(page)
    }


def holds(role: str, demand: Demand) -> bool:
    """Tell whether a role holds an action."""
    return RANKS.index(role) >= RANKS.index(demand.least_role)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A server with all plugins over a Swarm with two stacks, and people of different rights."""
    swarm = MemorySwarm(nodes=2)
    swarm.engine("node1").volumes.add("shop_data", Labels={"com.docker.stack.namespace": "shop"})
    settings = {
        "server.data_directory": str(tmp_path_factory.mktemp("data")),
        "auth.setup_token": SETUP_TOKEN,
        "watch.short_seconds": 0.02,
    }
    app = application.create_app(settings, environ={}, plugins=discover(), transport=MemoryAdapter(swarm))
    crane = app.extensions["crane"]
    # A thread that gets no processor for seconds is no node that hangs.
    crane.room(Pool).patience = 60.0
    crane.watcher.look()
    application.start(app)
    ann = Browser(app.test_client())
    ann.ask("POST", "auth/setup", {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD}, 201)
    for name, role, where in (
        ("vic", "viewer", {}),
        ("otto", "operator", {"scope": "stack", "on": "other"}),
        ("ada", "admin", {}),
    ):
        ann.ask("POST", "users", {"name": name}, 201)
        ann.ask("PUT", f"passwords/{name}", {"password": PASSWORD, "must_change": False}, 204)
        ann.ask("POST", "grants", {"role": role, "account": name, **where}, 201)
    ann.ask("POST", "users", {"name": "zoe"}, 201)
    for stack in ("shop", "other"):
        body = {"files": [{"name": "stack.yml", "content": STACK}], "attachments": ATTACHED, "resolve_image": "never"}
        ann.ask("PUT", f"stacks/{stack}", body, 202)
    swarm.settle()
    crane.watcher.look(full=True)
    yield app
    application.stop(app)


@pytest.fixture(scope="module")
def things(served: Flask) -> dict[str, str]:
    """What stands for the parameter of each collection: something of the stack ``shop``, where it can."""
    ann = log_in(served, "ann")
    [task] = ann.ask("GET", "tasks?service=shop_web", status=200)["items"]
    [operation] = ann.ask("GET", "operations?stack=shop", status=200)["items"]
    body = {"files": [{"name": "stack.yml", "content": STACK}], "attachments": ATTACHED, "resolve_image": "never"}
    plan = ann.ask("POST", "stacks/shop/plan", body, 201)
    [container] = ann.ask("GET", "containers?service=shop_web", status=200)["items"]
    return {
        "services": "shop_web",
        "stacks": "shop",
        "nodes": "node1",
        "networks": "shop_default",
        "secrets": "shop_key",
        "configs": "shop_app",
        "tasks": task["ID"],
        "task-history": task["ID"],
        "operations": operation["id"],
        "plans": plan["id"],
        "users": "zoe",
        "containers": container["id"],
        "images": "nginx:1",
        "volumes": "shop_data",
    }


def log_in(app: Flask, name: str) -> Browser:
    """Log somebody in."""
    browser = Browser(app.test_client())
    browser.log_in(name)
    return browser


def fill_in(path: str, things: dict[str, str]) -> str:
    """Put something that there is into a route."""
    filled = re.sub(r"\{number\}", "1", path)
    first = True

    def thing(found: re.Match[str]) -> str:
        nonlocal first
        name = things.get(found[1], "x") if first else "x"
        first = False
        return f"{found[1]}/{name}"

    return re.sub(r"([a-z-]+)/\{[a-z_]+\}", thing, filled)


def ask(browser: Browser, route: Route, things: dict[str, str]) -> Any:
    """Ask a route, with nothing in the body that could be done."""
    return browser.client.open(
        fill_in(route.path, things), method=route.method, json={} if route.method != "GET" else None
    )


def test_tables_are_read() -> None:
    assert len(routes()) > 60
    assert {route.action for route in routes()} - set(actions()) == set()
    assert {demand.least_role for demand in actions().values()} == set(RANKS)


def let_in(app: Flask, things: dict[str, str], name: str) -> dict[str, bool]:
    """Return for each route whether somebody is let in, by its documented path."""
    browser = log_in(app, name)
    told = {}
    # What removes something comes last, so that everything else finds it.
    for route in sorted(routes(), key=lambda route: (route.method == "DELETE", route.path)):
        answer = ask(browser, route, things)
        assert answer.status_code < 500, (str(route), answer.text)
        assert answer.status_code != 401, (str(route), answer.text)
        told[str(route)] = answer.status_code != 403
    return told


def differences(app: Flask, things: dict[str, str], name: str, wanted: dict[str, bool]) -> dict[str, str]:
    """Return where somebody is let in who may not be, and the other way round."""
    told, wanted = let_in(app, things, name), {**wanted, **BEYOND_THE_TABLES[name]}
    assert set(wanted) == set(told), "no exception is about a route that is gone"
    return {
        route: "was let in" if told[route] else "was not let in" for route in wanted if told[route] != wanted[route]
    }


def test_nobody_is_let_in_anywhere(served: Flask, things: dict[str, str]) -> None:
    browser = Browser(served.test_client())

    assert {str(route) for route in routes() if ask(browser, route, things).status_code != 401} == set()


def test_viewer_is_let_in_where_a_viewer_may(served: Flask, things: dict[str, str]) -> None:
    wanted = {str(route): holds("viewer", actions()[route.action]) for route in routes()}

    assert differences(served, things, "vic", wanted) == {}


def test_operator_of_another_stack_is_let_in_to_lists_only(served: Flask, things: dict[str, str]) -> None:
    def may(route: Route) -> bool:
        demand = actions()[route.action]
        # What is about no object yet is decided on when it is known; a list has nothing of others in it.
        in_general = "{" not in route.path
        return in_general and "stack" in demand.within and holds("operator", demand)

    assert differences(served, things, "otto", {str(route): may(route) for route in routes()}) == {}


def test_admin_is_let_in_everywhere(served: Flask, things: dict[str, str]) -> None:
    assert differences(served, things, "ada", dict.fromkeys(map(str, routes()), True)) == {}
