"""crane-server auth: for the operator who is locked out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from crane_auth.testing import PASSWORD, Browser
from flask import Flask

from crane_core.cli import server
from crane_core.errors import SetupError
from crane_core.plugins import discover
from crane_core.testing.waiting import until

Run = Callable[..., Result]
Visitors = Callable[..., Browser]


@pytest.fixture
def run(database_url: str, crane_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run crane-server auth beside the server that runs, on its database."""
    root = logging.getLogger()
    kept = root.handlers[:], root.level
    others = [plugin.name for plugin in discover() if plugin.name not in ("database", "accounts", "auth")]
    (tmp_path / "crane.toml").touch()
    variables = {
        "CRANE_CONFIG": str(tmp_path / "crane.toml"),
        "CRANE_DATABASE_URL": database_url,
        "CRANE_SERVER_DATA_DIRECTORY": str(tmp_path / "crane"),
        "CRANE_PLUGINS_DISABLED": ",".join(others),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    def act(*arguments: str, **how: Any) -> Result:
        return CliRunner().invoke(server, ["auth", *arguments], **how)

    yield act
    root.handlers[:], root.level = kept


def test_password_is_made_and_must_be_changed(ann: Browser, run: Run, visitor: Visitors) -> None:
    ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)

    done = run("reset-password", "ann")

    found = re.search(r"The password of ann is set: (\S+)", done.output)
    assert (done.exit_code, found is not None) == (0, True)
    assert found is not None
    login = visitor().log_in("ann", found[1])
    assert login["state"] == "new-password"


def test_sessions_on_a_server_that_runs_end(ann: Browser, run: Run) -> None:
    assert ann.name == "ann"

    run("reset-password", "ann")

    until(lambda: ann.name == "nobody")


def test_password_comes_from_standard_input(ann: Browser, run: Run, visitor: Visitors) -> None:
    done = run("reset-password", "ann", "--password-stdin", input="a long password of ours\n")

    assert (done.exit_code, "a long password" in done.output) == (0, False)
    assert visitor().log_in("ann", "a long password of ours")["state"] == "new-password"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("reset-password", "nobody-of-here"), "There is no account nobody-of-here."),
        (("make-admin", "nobody-of-here"), "There is no account nobody-of-here."),
        (("setup-token",), "There is an administrator already."),
    ],
)
def test_what_cannot_be_done_is_one_line(ann: Browser, run: Run, arguments: tuple[str, ...], says: str) -> None:
    done = run(*arguments)

    assert isinstance(done.exception, SetupError)
    assert says in done.exception.detail


def test_weak_password_is_refused(ann: Browser, run: Run) -> None:
    done = run("reset-password", "ann", "--password-stdin", input="short\n")

    assert isinstance(done.exception, SetupError)
    assert "at least 12 characters" in done.exception.detail


def test_account_is_let_do_everything(ann: Browser, bob: Browser, run: Run) -> None:
    assert bob.ask("GET", "sessions").status_code == 403

    done = run("make-admin", "bob")

    assert (done.exit_code, done.output) == (0, "bob may do everything.\n")
    until(lambda: bob.ask("GET", "sessions").status_code == 200)


def test_setup_token_is_given_out_anew(run: Run, visitor: Visitors) -> None:
    done = run("setup-token")

    assert done.exit_code == 0
    token = done.output.strip().partition("/setup#token=")[2]
    body = {"token": token, "name": "ann", "password": PASSWORD}
    assert visitor().ask("POST", "auth/setup", body, 201)["state"] == "done"


def test_commands_are_those_of_the_plugins_that_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    disabled = {plugin.name for plugin in discover()} - {"database", "accounts"}
    with monkeypatch.context() as without:
        without.setenv("CRANE_PLUGINS_DISABLED", ",".join(disabled))
        assert "No such command 'auth'" in run("--help").output

    assert run("--help").exit_code == 0
