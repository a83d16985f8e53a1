"""Beginning with a backup: whoever holds the setup token sends it, and the server starts anew with it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from crane_auth.testing import SETUP_TOKEN, Browser
from crane_database.backups import back_up
from flask import Flask
from werkzeug.test import TestResponse

from crane_core.context import Crane

PASSPHRASE = "correct horse battery"
Visitors = Callable[..., Browser]


@pytest.fixture
def restarts(crane: Crane) -> list[bool]:
    """How often the server was told to start anew."""
    told: list[bool] = []
    crane.restart = lambda: told.append(True)
    return told


@pytest.fixture
def backup(crane_app: Flask, crane: Crane, tmp_path: Path) -> bytes:
    """A backup of this very server."""
    with crane_app.app_context():
        back_up(crane, tmp_path / "backup", PASSPHRASE)
    return (tmp_path / "backup").read_bytes()


def send(browser: Browser, backup: bytes, *, token: str = SETUP_TOKEN, **members: str) -> TestResponse:
    """Send a backup."""
    form = {"passphrase": PASSPHRASE, **members, "file": (io.BytesIO(backup), "crane.backup")}
    answer: TestResponse = browser.client.post(
        "/api/v1/auth/restore", data=form, headers={"Crane-Setup-Token": token} if token else {}
    )
    return answer


def test_backup_is_taken_and_the_server_starts_anew(visitor: Visitors, backup: bytes, restarts: list[bool]) -> None:
    answer = send(visitor(), backup)

    assert (answer.status_code, answer.json) == (202, {"restarting": True})
    answer.close()
    assert restarts == [True]


def test_backup_may_be_larger_than_other_requests(
    visitor: Visitors, crane_app: Flask, backup: bytes, restarts: list[bool]
) -> None:
    crane_app.config["MAX_CONTENT_LENGTH"] = 64

    assert send(visitor(), backup).status_code == 202
    assert send(visitor(), backup, token="guess").status_code == 401


@pytest.mark.parametrize("token", ["", "guess", SETUP_TOKEN.upper()])
def test_without_the_setup_token_nothing_is_taken(
    visitor: Visitors, crane: Crane, backup: bytes, restarts: list[bool], token: str
) -> None:
    answer = send(visitor(), backup, token=token)

    assert (answer.status_code, answer.json["code"], restarts) == (401, "wrong-setup-token", [])
    assert not (crane.data_directory / "restore").exists()


@pytest.mark.usefixtures("still")
def test_guessing_the_token_is_slowed_down(visitor: Visitors, backup: bytes) -> None:
    codes = {send(visitor(), backup, token="guess").status_code for _ in range(40)}

    assert codes == {401, 429}


def test_server_that_is_set_up_takes_no_backup(ann: Browser, visitor: Visitors, backup: bytes) -> None:
    answer = send(visitor(), backup)

    assert (answer.status_code, answer.json["code"]) == (409, "already-set-up")
    assert "crane-server db restore" in answer.json["detail"]


@pytest.mark.parametrize(
    ("sent", "members", "pointer"),
    [
        (b"no backup", {}, "/file"),
        (b"", {}, "/file"),
        (None, {"passphrase": "another"}, "/file"),
        (None, {"passphrase": ""}, "/passphrase"),
        (None, {"more": "x"}, "/more"),
    ],
)
def test_what_cannot_be_restored_is_refused(
    visitor: Visitors, backup: bytes, restarts: list[bool], sent: bytes | None, members: dict[str, str], pointer: str
) -> None:
    answer = send(visitor(), backup if sent is None else sent, **members)

    assert (answer.status_code, restarts) == (422, [])
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_server_that_cannot_start_anew_says_what_to_do(visitor: Visitors, backup: bytes) -> None:
    answer = send(visitor(), backup)

    assert (answer.status_code, answer.json["code"]) == (409, "cannot-restart")
    assert "crane-server db restore" in answer.json["detail"]


def test_what_went_wrong_is_told_to_the_page(visitor: Visitors, crane: Crane) -> None:
    assert visitor().ask("GET", "auth/state", status=200)["restore_problem"] is None
    (crane.data_directory / "restore").mkdir()
    (crane.data_directory / "restore" / "problem").write_text("It holds tables of the plugin x.")

    assert visitor().ask("GET", "auth/state", status=200)["restore_problem"] == "It holds tables of the plugin x."


def test_page_of_another_site_sends_no_backup(visitor: Visitors, backup: bytes, restarts: list[bool]) -> None:
    eve = visitor()
    answer = eve.client.post(
        "/api/v1/auth/restore", headers={"Crane-Setup-Token": SETUP_TOKEN, "Origin": "https://evil.example"}
    )

    assert (answer.status_code, answer.json["code"], restarts) == (403, "cross-site", [])
