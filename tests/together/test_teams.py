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
import pytest
from click.testing import CliRunner
from crane_cli.main import cli
from flask import Flask, Request
from werkzeug.serving import make_server

from crane_core.plugins import Plugin
from crane_core.security import LOCAL, Identity
from crane_core.testing.plugins import make_plugin

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
        make_plugin("login", crane_authenticate),
    ]


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
    assert run("user list", "ann").exit_code == 1
