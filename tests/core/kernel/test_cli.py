"""Facts about crane-server, as somebody at a terminal meets it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from crane_core.testing.swarm import MemorySwarm
from crane_core.testing.transport import serve

Install = Callable[..., dict[str, str]]
Run = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """
    from crane_core.contributions import Setting
    from crane_core.hookspecs import hookimpl

    requires = ()

    @hookimpl
    def crane_settings():
        yield Setting("freeze.pin", str, "", "What thaws it.", secret=True)
"""
BROKEN = """
    import left_pad
"""
NEEDY = """
    requires = ("broken",)
"""
MISSPELT = """
    from crane_core.hookspecs import hookimpl

    @hookimpl
    def crane_evnt(event):
        pass
"""
GREEDY = """
    import click
    from crane_core.hookspecs import hookimpl

    @hookimpl
    def crane_commands():
        yield click.Command("plugins")
"""

SPEECHLESS = """
    import marshmallow as ma
    from crane_core.contributions import Action
    from crane_core.hookspecs import hookimpl
    from crane_core.http import Blueprint
    from crane_core.security import guard

    blueprint = Blueprint("tongue", __name__, url_prefix="/api/v1")

    class WordSchema(ma.Schema):
        word = {field}

    @hookimpl
    def crane_actions():
        yield Action("word:read", "Read words.")

    @hookimpl
    def crane_routes():
        yield blueprint

    @blueprint.route("/letters")
    @guard("word:read")
    @blueprint.response(200)
    def letters():
        return []

    @blueprint.route("/words", methods=["POST"])
    @guard("word:read")
    @blueprint.arguments(WordSchema)
    @blueprint.response(200)
    def words(word):
        return word
"""


def test_plugins_are_listed_with_state_and_error(install: Install, run_program: Run) -> None:
    env = install(good=GOOD.replace("freeze.", "good."), broken=BROKEN, needy=NEEDY)

    done = run_program("plugins", "--json", env=env)

    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {name: rows[name]["state"] for name in ("core", "good", "broken", "needy")} == {
        "core": "active",
        "good": "active",
        "broken": "failed",
        "needy": "blocked",
    }
    assert "left_pad" in rows["broken"]["error"]
    assert "broken" in rows["needy"]["error"]
    assert (rows["good"]["distribution"], rows["good"]["version"]) == ("crane-good", "1.0")
    assert rows["good"]["hooks"] == ["crane_settings"]


def test_plugin_is_switched_off_by_a_setting(install: Install, run_program: Run) -> None:
    env = install(broken=BROKEN)

    done = run_program("plugins", env={**env, "CRANE_PLUGINS_DISABLED": "broken"})

    assert done.returncode == 0
    assert "broken 1.0 (crane-broken): disabled" in done.stdout
    assert done.stderr == "", "what is switched off is not even imported"


def test_misspelt_hook_is_one_line_and_exit_status_2(install: Install, run_program: Run) -> None:
    done = run_program("plugins", env=install(misspelt=MISSPELT))

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "crane-server: Plugin misspelt implements crane_evnt, but nobody specified such a hook. "
        "Did you mean crane_event?"
    ]


def test_command_that_a_plugin_takes_from_the_core_stops_the_help(install: Install, run_program: Run) -> None:
    done = run_program("--help", env=install(greedy=GREEDY))

    assert done.returncode == 2
    assert "claims the name plugins" in done.stderr


def test_settings_are_listed_with_source_and_secret_ones_hidden(install: Install, run_program: Run) -> None:
    env = install(freeze=GOOD)
    Path(env["CRANE_CONFIG"]).write_text('[freeze]\npin = "canary-7f3a"\n')

    done = run_program("settings", env={**env, "CRANE_SERVER_PORT": "80"})

    assert done.returncode == 0, done.stderr
    assert "server.port = 80  (variable; CRANE_SERVER_PORT)" in done.stdout
    assert "freeze.pin" in done.stdout
    assert "canary-7f3a" not in done.stdout


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"CRANE_SERVER_PROT": "1"}, "names no setting. Did you mean CRANE_SERVER_PORT?"),
        ({"CRANE_SERVER_PORT": "many"}, "must be a whole number, not 'many'"),
    ],
)
def test_wrong_setting_is_one_line_and_exit_status_2(
    install: Install, run_program: Run, variables: dict[str, str], line: str
) -> None:
    done = run_program("settings", env={**install(), **variables})

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert line in done.stderr


def test_check_says_that_no_engine_answers(install: Install, run_program: Run, tmp_path: Path) -> None:
    done = run_program("check", env={**install(), "CRANE_ENGINE_URL": f"unix://{tmp_path}/none.sock"})

    assert done.returncode == 2
    assert done.stderr.startswith("crane-server: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("in_swarm", "status"), [(True, 0), (False, 2)])
def test_check_wants_a_manager(install: Install, run_program: Run, tmp_path: Path, in_swarm: bool, status: int) -> None:
    server = serve(MemorySwarm(in_swarm=in_swarm), f"{tmp_path}/engine.sock")
    try:
        done = run_program("check", env={**install(), "CRANE_ENGINE_URL": f"unix://{tmp_path}/engine.sock"})
    finally:
        server.shutdown()
        server.server_close()

    assert done.returncode == status, done.stderr
    assert ("All is well." in done.stdout) is in_swarm
    assert ("no manager of a Swarm" in done.stderr) is not in_swarm


@pytest.mark.parametrize("command", ["check", "openapi"])
@pytest.mark.parametrize("field", ['ma.fields.Nested("Nowhere")', 'ma.fields.String(metadata={"example": object()})'])
def test_route_that_cannot_be_described_is_named(install: Install, run_program: Run, command: str, field: str) -> None:
    done = run_program(command, env=install(speechless=SPEECHLESS.replace("{field}", field)))

    assert done.returncode == 2, done.stdout
    assert done.stderr.splitlines()[-1] == (
        "crane-server: The plugin speechless declares POST /api/v1/words so that it cannot be described."
    )
    assert "Traceback" in done.stderr, "the author is told why"


def test_routes_are_listed_with_what_they_demand(install: Install, run_program: Run) -> None:
    done = run_program("routes", env=install())

    assert done.returncode == 0, done.stderr
    assert "GET     /api/v1/plugins  [plugin:read]" in done.stdout


def test_openapi_document_is_printed(install: Install, run_program: Run) -> None:
    done = run_program("openapi", env=install())

    document = json.loads(done.stdout)
    assert document["openapi"].startswith("3.1")
    assert document["paths"]["/api/v1/plugins"]["get"]["x-crane-action"] == "plugin:read"


def test_doctor_looks_without_a_server(install: Install, run_program: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "engine.sock")
    server = serve(MemorySwarm(nodes=2), path)
    try:
        done = run_program("doctor", "--json", env={**install(), "CRANE_ENGINE_URL": f"unix://{path}"})
    finally:
        server.shutdown()
        server.server_close()

    assert done.returncode == 1, done.stderr
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert [finding["where"] for finding in checks["nodes"]["findings"]] == ["node2"]


def test_doctor_says_that_no_engine_answers(install: Install, run_program: Run, tmp_path: Path) -> None:
    done = run_program("doctor", env={**install(), "CRANE_ENGINE_URL": f"unix://{tmp_path}/none.sock"})

    assert done.returncode == 1
    assert "unknown  Nodes and their Engines" in done.stdout
    assert f"unix://{tmp_path}/none.sock cannot be reached" in done.stdout
