"""The plugin that adds pages: its files are read off the page, installed, and the server tells of what they add."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.identity import WITHOUT_LOGIN
from tests.together.test_first_plugin import install

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/add-a-page.md").read_text("utf-8")
FILE = re.compile(r"^`(crane-notes/[\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What the panel asks, on a Swarm in memory.
PANEL = """
import json
from crane_core import app as application
from crane_core.testing import MemoryAdapter, MemorySwarm

app = application.create_app(transport=MemoryAdapter(MemorySwarm(nodes=1)))
application.start(app)
client = app.test_client()
stranger = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}

def write(text):
    answered = client.put("/api/v1/notes/shop_web", json={"text": text})
    return [answered.status_code, answered.json]

module = client.get("/api/v1/notes/image-use.js")
told = {
    "pages": client.get("/api/v1/pages").json["items"],
    "module": [module.status_code, module.mimetype, module.text],
    "panel": [client.get(path).mimetype for path in ("/notes", "/image-use", "/image-use/nginx:1")],
    "written": write("Ask Ann first."),
    "refused": write("x" * 201),
    "listed": client.get("/api/v1/notes").json["items"],
    "removed": [client.delete("/api/v1/notes/shop_web").status_code for _ in range(2)],
    "stranger": [client.get(path, **stranger).status_code for path in ("/api/v1/notes", "/api/v1/notes/image-use.js")],
}
told["topics"] = [topic.name for topic in app.extensions["crane"].topics]
application.stop(app)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a server says that has the plugin of the page installed."""
    directory = tmp_path_factory.mktemp("notes")
    for name, content in FILE.findall(PAGE):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    install(directory / "crane-notes", directory / "site")
    settings = directory / "crane.toml"
    settings.touch()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CRANE_")},
        **WITHOUT_LOGIN,
        "PYTHONPATH": str(directory / "site"),
        "CRANE_CONFIG": str(settings),
        "CRANE_SERVER_DATA_DIRECTORY": str(directory / "data"),
    }
    done = subprocess.run([sys.executable, "-c", PANEL], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_pages_of_the_plugin_are_told_to_the_panel(told: dict[str, Any]) -> None:
    own = [page for page in told["pages"] if page["plugin"] == "notes"]
    by_data, by_module = sorted(own, key=lambda page: page["module"] is not None)

    assert (by_data["path"], by_data["source"], by_data["plugin"]) == ("/notes", "/api/v1/notes", "notes")
    assert [column["kind"] for column in by_data["columns"]] == ["text", "text", "moment"]
    assert [action["label"] for action in by_data["actions"]] == ["Edit", "Remove", "Write"]
    assert (by_module["path"], by_module["source"]) == ("/image-use", None)
    assert told["panel"] == ["text/html"] * 3


def test_list_of_the_plugin_has_a_topic_of_its_name(told: dict[str, Any]) -> None:
    assert "notes" in told["topics"]


def test_module_is_sent_as_a_browser_takes_it(told: dict[str, Any]) -> None:
    status, mimetype, text = told["module"]

    assert (status, mimetype) == (200, "text/javascript")
    assert text == dict(FILE.findall(PAGE))["crane-notes/crane_notes/image-use.js"]


def test_actions_of_the_page_do_what_they_say(told: dict[str, Any]) -> None:
    status, note = told["written"]

    assert (status, note["text"]) == (200, "Ask Ann first.")
    assert told["listed"] == [note]
    assert told["removed"] == [200, 404]


def test_error_of_a_field_points_to_it(told: dict[str, Any]) -> None:
    status, problem = told["refused"]

    assert (status, [error["pointer"] for error in problem["errors"]]) == (422, ["/text"])


def test_module_is_sent_to_nobody_who_may_not_open_the_page(told: dict[str, Any]) -> None:
    assert told["stranger"] == [401, 401]
