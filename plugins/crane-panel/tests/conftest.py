"""A panel as it is built, but of few files, on a server over a Swarm in memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from crane_panel.routes import make_blueprint

from crane_core.plugins import Plugin
from crane_core.testing.plugins import make_plugin

PAGE = """<!doctype html>
<html lang="en">
  <head>
    <script type="importmap">{"imports":{"vue":"/assets/vue-1.js"}}</script>
    <script type="module" crossorigin src="/assets/index-1.js"></script>
  </head>
  <body><div id="crane"></div></body>
</html>
"""
FILES = {
    "index-1.js": "import 'vue'\n",
    "index-1.css": "body {}\n",
    "crane-1.svg": "<svg/>\n",
    "vue-1.js": "export {}\n",
}


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """Where the built files are; one of the scripts has a compressed copy."""
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    for name, text in FILES.items():
        (assets / name).write_text(text, "utf-8")
    (assets / "index-1.js.gz").write_bytes(gzip.compress(FILES["index-1.js"].encode()))
    (assets / "notes.txt").write_text("Nothing that the page loads.\n", "utf-8")
    (tmp_path / "static" / "index.html").write_text(PAGE, "utf-8")
    (tmp_path / "secret.js").write_text("secret\n", "utf-8")
    return tmp_path / "static"


@pytest.fixture
def crane_plugins(static: Path) -> list[Plugin]:
    """The panel, with these files."""

    def crane_routes() -> object:
        return [make_blueprint(static)]

    return [make_plugin("panel", crane_routes)]
