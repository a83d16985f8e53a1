"""The tutorial's plugin: its files are read off the page, installed as the page says, and do what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.identity import WITHOUT_LOGIN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tutorial/first-plugin.md").read_text("utf-8")
FILE = re.compile(r"^`(crane-budget/[\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What a reader of the page does with curl and the command line, on a Swarm in memory.
READER = """
import json
from crane_core import app as application
from crane_core.testing import MemoryAdapter, MemorySwarm

swarm = MemorySwarm(nodes=1)
app = application.create_app(transport=MemoryAdapter(swarm))
crane = app.extensions["crane"]
crane.watcher.look()
application.start(app)
client = app.test_client()

def deploy(replicas):
    content = "services: {web: {image: nginx:1.27, deploy: {replicas: %d}}}" % replicas
    body = {"files": [{"name": "stack.yml", "content": content}], "resolve_image": "never"}
    answered = client.put("/api/v1/stacks/shop", json=body)
    crane.events.drain()
    return [answered.status_code, answered.json, client.get("/api/v1/budget").json, swarm.services]

told = {"before": client.get("/api/v1/budget").json, "refused": deploy(11), "deployed": deploy(2)}
told["stranger"] = client.get("/api/v1/budget", environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code
told["action"] = client.get("/api/v1/openapi.json").json["paths"]["/api/v1/budget"]["get"]["x-crane-action"]
application.stop(app)
print(json.dumps(told))
"""


def install(source: Path, target: Path) -> None:
    """Install a distribution into a directory, with uv or pip, whichever there is."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    tried = []
    installers = [[uv, "pip", "install", "--quiet", "--python", sys.executable]] if uv else []
    for installer in [*installers, [sys.executable, "-m", "pip", "install", "--quiet"]]:
        command = [*installer, "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode == 0:
            return
        tried.append(done.stderr)
    pytest.fail("Neither uv nor pip installed the plugin:\n" + "\n".join(tried))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of a process that finds the plugin of the page."""
    directory = tmp_path_factory.mktemp("tutorial")
    files = FILE.findall(PAGE)
    assert {name for name, _ in files} == {
        "crane-budget/setup.cfg",
        "crane-budget/pyproject.toml",
        "crane-budget/crane_budget.py",
    }
    for name, content in files:
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, "utf-8")
    install(directory / "crane-budget", directory / "site")
    settings = directory / "crane.toml"
    settings.touch()
    others = {name: value for name, value in os.environ.items() if not name.startswith("CRANE_")}
    data = str(directory / "data")
    return {
        **others,
        **WITHOUT_LOGIN,
        "PYTHONPATH": str(directory / "site"),
        "CRANE_CONFIG": str(settings),
        "CRANE_SERVER_DATA_DIRECTORY": data,
    }


def run(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments."""
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=120)


def test_plugin_of_the_page_is_listed_as_the_page_says(installed: dict[str, str]) -> None:
    done = run("-m", "crane_core.cli", "plugins", env=installed)

    assert done.returncode == 0, done.stderr
    line = "budget 1.0 (crane-budget): active"
    assert line in done.stdout
    assert line in PAGE


def test_plugin_of_the_page_does_all_four_things(installed: dict[str, str]) -> None:
    done = run("-c", READER, env=installed)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
    assert told["before"] == shown[0], "the setting, by the route"
    status, problem, budget, services = told["refused"]
    sentence = "11 replicas are more than the budget of 10."
    assert status == 422, problem
    assert sentence in [violation["detail"] for violation in problem["errors"]], "the rule"
    assert sentence in PAGE
    assert services == []
    assert budget == shown[0]
    status, operation, budget, services = told["deployed"]
    assert status in (200, 202), operation
    assert len(services) == 1
    assert budget == shown[1], "the listener"
    assert told["stranger"] == 401, "the route is guarded"
    assert told["action"] == "budget:read"


def test_tests_of_the_how_to_page_pass(installed: dict[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/write-a-plugin-test.md").read_text("utf-8")
    [(name, content)] = FILE.findall(page)
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(content, "utf-8")

    done = run(
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(path),
        env=installed,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_setting_of_the_page_can_be_set(installed: dict[str, str]) -> None:
    done = run("-m", "crane_core.cli", "settings", "--json", env={**installed, "CRANE_BUDGET_REPLICAS": "20"})

    values = {row["name"]: row["value"] for row in json.loads(done.stdout)}
    assert values["budget.replicas"] == 20


def test_misspelt_setting_of_the_page_stops_the_start(installed: dict[str, str]) -> None:
    done = run("-m", "crane_core.cli", "settings", env={**installed, "CRANE_BUDGET_REPLICSA": "20"})

    assert done.returncode == 2
    assert "Did you mean CRANE_BUDGET_REPLICAS?" in done.stderr


def test_plugin_of_the_page_has_about_thirty_lines() -> None:
    module = dict(FILE.findall(PAGE))["crane-budget/crane_budget.py"]

    assert len([line for line in module.splitlines() if line.strip()]) <= 40
