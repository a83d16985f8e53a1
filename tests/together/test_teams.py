"""The page about teams does what it says, from the command line to the votes."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crane_accounts
import crane_database
import crane_history
import pytest
from click.testing import CliRunner
from crane_cli.main import cli
from crane_history.timeline.writer import Writer
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from crane_core.context import Crane
from crane_core.plugins import Plugin
from crane_core.security import LOCAL, Identity
from crane_core.testing.plugins import make_plugin
from crane_core.testing.swarm import MemorySwarm

PAGE = (Path(__file__).parents[2] / "docs/how-to/share-a-swarm-between-teams.md").read_text("utf-8")
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ crane (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def crane_plugins() -> list[Plugin]:
    """The accounts and what they require, and a login that believes everybody."""

    def crane_authenticate(request: Request) -> Identity | None:
        token = request.authorization.token if request.authorization else None
        if token is None:
            return LOCAL
        account = crane_accounts.find_account(token)
        return crane_accounts.identity_of(account.id) if account else None

    return [
        Plugin("database", "crane-database", "0.1.0", module=crane_database),
        Plugin("accounts", "crane-accounts", "0.1.0", module=crane_accounts),
        Plugin("history", "crane-history", "0.1.0", module=crane_history),
        make_plugin("login", crane_authenticate),
    ]


@pytest.fixture
def settle(swarm: MemorySwarm, crane: Crane) -> Any:
    """Let the Swarm come to rest, the server look at it, and all plugins be told."""

    def act() -> None:
        swarm.settle()
        crane.watcher.look(full=True)
        crane.events.drain()
        assert crane.room(Writer).drain(60)

    return act


@pytest.fixture
def address(crane_app: Flask) -> Iterator[str]:
    """The address of the server, which listens."""
    server = make_server("127.0.0.1", 0, crane_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(address: str, tmp_path: Path) -> Any:
    """Run the command line as somebody."""

    def run(line: str, name: str | None = None) -> Any:
        variables = {"CRANE_CLI_SERVER": address, "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
        variables |= {"CRANE_CLI_TOKEN": name} if name else {}
        return CliRunner().invoke(cli, shlex.split(line), prog_name="crane", env=variables)

    return run


def test_page_about_teams_does_what_it_says(run: Any) -> None:
    shown = [found for block in CONSOLE.findall(PAGE) for found in COMMAND.findall(block)]
    assert len(shown) > 15

    for line, expected in shown:
        result = run(line)
        assert result.exit_code == (1 if expected.startswith("no: ") else 0), (line, result.output)
        if "...\n" in expected:
            assert result.stdout.startswith(expected.partition("\n")[0][:6])
        else:
            assert result.stdout == expected, line

    assert run("may --stack shop", "ann").exit_code == 0
    assert run("stack ls", "bob").exit_code == 1
    assert run("user ls", "ann").exit_code == 1


def test_what_happened_is_told_as_far_as_it_is_about_the_own_stack(
    crane: Crane, client: FlaskClient, settle: Any
) -> None:
    def ask(name: str, path: str, method: str = "GET", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {name}"} if name else {}
        return client.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    deployed = {
        "files": [{"name": "s.yml", "content": "services: {web: {image: 'nginx:1'}}"}],
        "resolve_image": "never",
    }
    for stack in ("shop", "bank"):
        assert ask("", f"/stacks/{stack}", "PUT", deployed).status_code < 300
        settle()
    for name, role, where in (
        ("ann", "operator", {"scope": "stack", "on": "shop"}),
        ("vera", "viewer", {}),
        ("max", "admin", {}),
    ):
        ask("", "/users", "POST", {"name": name})
        assert ask("", "/grants", "POST", {"role": role, "account": name, **where}).status_code == 201
    settle()

    def kinds(name: str) -> set[tuple[str, str | None]]:
        lines = ask(name, "/timeline?limit=1000").json["items"]
        return {(line["kind"].partition(".")[0], line["stack"]) for line in lines}

    assert {stack for _, stack in kinds("ann")} == {"shop"}
    assert {"operation", "service"} <= {kind for kind, _ in kinds("ann")}
    assert ("operation", "bank") in kinds("vera")
    assert not {"user", "grant"} & {kind for kind, _ in kinds("vera")}
    assert {"user", "grant", "operation"} <= {kind for kind, _ in kinds("max")}
    assert (ask("ann", "/timeline/check").status_code, ask("vera", "/timeline/check").status_code) == (403, 200)
    assert ask("max", "/timeline/check").json["intact"] is True

    assert {revision["stack"] for revision in ask("ann", "/stack-revisions").json["items"]} == {"shop"}
    assert ask("ann", "/stacks/bank/revisions").status_code == 403
    assert ask("ann", "/stacks/bank/revisions/1/rollback", "POST", {}).status_code == 403
    assert {task["stack"] for task in ask("ann", "/task-history").json["items"]} == {"shop"}
