"""The example with tables: installed as a distribution, it remembers, and its backup is restored elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.identity import WITHOUT_LOGIN
from tests.together.test_first_plugin import install

ROOT = Path(__file__).parents[2]

# A server that deploys something, and tells what the ledger has of it.
SERVER = """
import json, sys
from crane_core import app as application
from crane_core.testing import MemoryAdapter, MemorySwarm

app = application.create_app(transport=MemoryAdapter(MemorySwarm(nodes=1)))
crane = app.extensions["crane"]
crane.watcher.look()
application.start(app)
client = app.test_client()
if "deploy" in sys.argv:
    body = {"files": [{"name": "stack.yml", "content": "services: {web: {image: nginx}}"}], "resolve_image": "never"}
    client.put("/api/v1/stacks/shop", json=body)
    crane.events.drain()
told = client.get("/api/v1/ledger").json["items"]
tables = {row["name"]: row["tables"] for row in client.get("/api/v1/database").json["plugins"]}
application.stop(app)
print(json.dumps([told, tables]))
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The variables of a process that finds the example."""
    # setuptools writes beside what it builds.
    source = tmp_path / "crane-ledger"
    shutil.copytree(ROOT / "docs/examples/crane-ledger", source, ignore=shutil.ignore_patterns("__pycache__"))
    install(source, tmp_path / "site")
    (tmp_path / "crane.toml").touch()
    (tmp_path / "passphrase").write_text("correct horse battery")
    others = {name: value for name, value in os.environ.items() if not name.startswith("CRANE_")}
    return {
        **others,
        **WITHOUT_LOGIN,
        "PYTHONPATH": str(tmp_path / "site"),
        "CRANE_CONFIG": str(tmp_path / "crane.toml"),
    }


def run(*arguments: str, env: dict[str, str], cwd: Path) -> str:
    """Run Python with arguments and return what it prints."""
    done = subprocess.run([sys.executable, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_example_remembers_and_its_backup_is_restored_elsewhere(
    installed: dict[str, str], tmp_path: Path
) -> None:
    here = {**installed, "CRANE_SERVER_DATA_DIRECTORY": str(tmp_path / "here")}
    elsewhere = {**installed, "CRANE_SERVER_DATA_DIRECTORY": str(tmp_path / "elsewhere")}
    passphrase = ("--passphrase-file", "passphrase")

    told, tables = json.loads(run("-c", SERVER, "deploy", env=here, cwd=tmp_path))
    run("-m", "crane_core.cli", "db", "backup", "crane.backup", *passphrase, env=here, cwd=tmp_path)
    run("-m", "crane_core.cli", "db", "restore", "crane.backup", *passphrase, env=elsewhere, cwd=tmp_path)
    again, _ = json.loads(run("-c", SERVER, env=elsewhere, cwd=tmp_path))

    assert [(row["name"], row["kind"], row["by"]) for row in told] == [("shop_web", "service.created", "local")]
    assert tables["ledger"] == ["ledger_change", "ledger_service"]
    assert again == told
