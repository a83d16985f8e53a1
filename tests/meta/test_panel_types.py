"""The panel's types are those of the API that it asks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from crane_core.app import create_app
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "plugins/crane-panel/frontend"
TYPES = FRONTEND / "src/api/schema.d.ts"


def read_document(data: Path) -> str:
    """Return the OpenAPI document of a server with the plugins of this repository."""
    own = {path.parent.name for path in ROOT.glob("plugins/*/setup.cfg")}
    app = create_app(
        {"server.data_directory": str(data)},
        environ={},
        plugins=[plugin for plugin in discover() if plugin.distribution in own],
        transport=MemoryAdapter(MemorySwarm(nodes=1)),
    )
    document: str = app.test_client().get("/api/v1/openapi.json").text
    return document


def generate(document: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Write the types of a document, as ``make types`` does; a Node that was installed into .venv will do."""
    source = directory / "openapi.json"
    source.write_text(document, "utf-8")
    program = FRONTEND / "node_modules/.bin/openapi-typescript"
    assert program.exists(), "make panel"
    path = f"{os.environ.get('PATH', '')}{os.pathsep}{ROOT / '.venv/bin'}"
    command = [str(program), str(source), "--output", str(directory / "schema.d.ts")]
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120)


def test_types_of_the_panel_are_those_of_the_api(tmp_path: Path) -> None:
    done = generate(read_document(tmp_path / "data"), tmp_path)

    assert done.returncode == 0, done.stderr
    fresh = (tmp_path / "schema.d.ts").read_text("utf-8")
    assert "export interface paths" in fresh
    assert fresh == TYPES.read_text("utf-8"), "make types"
