"""The panel as ``make panel`` built it: whole, and under its policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from crane_core.plugins import Plugin, discover

STATIC = Path(__file__).parents[2] / "plugins/crane-panel/crane_panel/static"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """The panel as it is installed."""
    return [plugin for plugin in discover() if plugin.distribution == "crane-panel"]


@pytest.fixture
def page(client: FlaskClient) -> str:
    """The page that every address of the panel is."""
    answer = client.get("/services")
    assert answer.status_code == 200, "make panel"
    return answer.text


def assets() -> Iterator[Path]:
    """Return the files that the page loads."""
    return (path for path in (STATIC / "assets").iterdir() if path.suffix != ".gz")


def test_page_loads_only_files_that_there_are(client: FlaskClient, page: str) -> None:
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert len(loaded) > 2
    assert {path: client.get(path).status_code for path in loaded} == dict.fromkeys(loaded, 200)


def test_files_name_only_files_that_there_are(page: str) -> None:
    names = {path.name for path in assets()}
    named = {
        name
        for path in assets()
        if path.suffix in (".js", ".css")
        for name in re.findall(r"[\"'(](?:\./|/?assets/)([\w.-]+\.(?:js|css|svg|woff2))[\"')]", path.read_text("utf-8"))
    }

    assert page
    assert len(named) > 5
    assert named - names == set()


def test_every_file_is_sent_as_what_it_is_and_has_a_compressed_copy(client: FlaskClient, page: str) -> None:
    assert page
    for path in assets():
        answer = client.get(f"/assets/{path.name}", headers={"Accept-Encoding": "gzip"})

        assert (answer.status_code, answer.mimetype) == (200, TYPES[path.suffix]), path.name
        assert answer.headers["Content-Encoding"] == "gzip", path.name


def test_modules_of_other_plugins_get_the_libraries_of_the_panel(client: FlaskClient, page: str) -> None:
    [text] = re.findall(r'<script type="importmap">(.*?)</script>', page)
    shared = json.loads(text)["imports"]

    assert set(shared) == {"vue", "vue-router"}
    for path in shared.values():
        assert "export" in client.get(path).text
    # The page itself imports them by name as well; otherwise there would be two of each.
    scripts = [path.read_text("utf-8") for path in assets() if path.name.startswith("index-") and path.suffix == ".js"]
    assert any(re.search(r'from ?"vue"', script) for script in scripts)


def test_policy_allows_the_script_of_the_page_and_nothing_else(client: FlaskClient, page: str) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    [text] = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page, re.DOTALL)

    assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    # The colours of single letters in terminals; see docs/explanation/panel.md.
    assert "unsafe" not in policy.replace("style-src-attr 'unsafe-inline';", "")
    assert not re.search(r"\s(?:style|on\w+)=", page)
    assert not re.search(r"https?://", page)
