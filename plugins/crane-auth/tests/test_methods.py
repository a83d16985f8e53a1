"""Ways to log in that other plugins contribute."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from crane_auth import Method, Outside, Start
from crane_auth.testing import Browser, auth_plugins

from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

Visitors = Callable[..., Browser]


def check(name: str, password: str) -> Outside | None:
    """Know one person."""
    return Outside("4711", "carol", "Carol", groups=frozenset({"team"})) if (name, password) == ("4711", "12") else None


def start(url: str, state: str) -> Start:
    """Send the browser somewhere."""
    return Start(f"https://elsewhere.example?back={url}&state={state}", {"seen": 7})


def finish(query: Mapping[str, str], url: str, kept: Mapping[str, Any]) -> Outside:
    """Take it back."""
    assert (kept, url) == ({"seen": 7}, "http://localhost/api/v1/auth/login/elsewhere/return")
    return Outside("1", query["who"])


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """Two more ways to log in."""

    def crane_auth_methods() -> list[Method]:
        return [
            Method("badges", "Badge", "password", check=check),
            Method("elsewhere", "Elsewhere", "redirect", start=start, finish=finish),
        ]

    return [*auth_plugins(), make_plugin("badges", crane_auth_methods, requires=["auth"])]


def test_hook_crane_auth_methods(ann: Browser, visitor: Visitors) -> None:
    carol = visitor()
    names = [method["name"] for method in ann.ask("GET", "auth/state", status=200)["methods"]]

    login = carol.log_in("4711", "12", method="badges")

    assert names == ["password", "badges", "elsewhere"]
    assert (login["account"]["name"], carol.name) == ("carol", "carol")
    assert carol.ask("GET", "auth/me", status=200)["session"]["method"] == "badges"
    visitor().log_in("4711", "13", 401, method="badges")
    visitor().log_in("4711", "12", 401)


def test_browser_that_is_sent_elsewhere_comes_back(ann: Browser, visitor: Visitors) -> None:
    dave = visitor()
    url = dave.ask("POST", "auth/login/elsewhere/start", {"return": "/nodes"}, 200)["url"]
    state = url.partition("state=")[2]

    answer = dave.ask("GET", f"auth/login/elsewhere/return?state={state}&who=dave")

    assert (answer.status_code, answer.headers["Location"], dave.name) == (303, "/nodes", "dave")


class TestExample:
    """The example of the documentation."""

    @pytest.fixture
    def crane_plugins(self) -> list[Plugin]:
        path = Path(__file__).parents[3] / "docs/examples/crane_badges.py"
        specification = importlib.util.spec_from_file_location("crane_badges", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return [*auth_plugins(), Plugin("badges", module=module)]

    @pytest.fixture
    def more_settings(self, tmp_path: Path) -> dict[str, Any]:
        digest = hashlib.pbkdf2_hmac("sha256", b"12", b"4711", 200_000).hex()
        (tmp_path / "badges.txt").write_text(f"4711:carol:{digest}:team,night\n")
        return {"badges.file": str(tmp_path / "badges.txt")}

    def test_lets_in_whoever_has_a_badge(self, ann: Browser, visitor: Visitors) -> None:
        for group in ("team", "day"):
            ann.ask("POST", "groups", {"name": group}, 201)
        carol = visitor()

        carol.log_in("4711", "12", method="badges")

        assert carol.name == "carol"
        assert ann.ask("GET", "groups/team", status=200)["members"] != []
        visitor().log_in("4711", "13", 401, method="badges")
        visitor().log_in("4712", "12", 401, method="badges")
