"""Two servers on one database: who logged in at one is known at the other, and no longer than there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from crane_auth.clock import Clock
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser, auth_plugins
from flask import Flask

from crane_core import app as application
from crane_core.context import Crane
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.waiting import until


@pytest.fixture
def other(database_url: str, crane_app: Flask, swarm: MemorySwarm, tmp_path: Path) -> Iterator[Flask]:
    """Another server, with a data directory of its own."""
    settings: dict[str, Any] = {
        "database.url": database_url,
        "server.data_directory": str(tmp_path / "other"),
        "auth.setup_token": "the setup token of the other one",
    }
    plugins = [replace(plugin) for plugin in auth_plugins()]
    app = application.create_app(settings, environ={}, plugins=plugins, transport=MemoryAdapter(swarm))
    application.start(app)
    yield app
    application.stop(app)


def at(app: Flask, **how: Any) -> Browser:
    """Return a browser at a server."""
    return Browser(app.test_client(), **how)


def setup_with(token: str, name: str) -> dict[str, str]:
    """Return what makes the first administrator."""
    return {"token": token, "name": name, "password": PASSWORD}


@pytest.mark.parametrize("token", [SETUP_TOKEN, "the setup token of the other one"])
def test_each_accepts_the_setup_token_of_both(crane_app: Flask, other: Flask, token: str) -> None:
    assert at(crane_app).ask("POST", "auth/setup", setup_with(token, "ann"), 201)["state"] == "done"

    for app in (crane_app, other):
        for each in (SETUP_TOKEN, "the setup token of the other one"):
            at(app).ask("POST", "auth/setup", setup_with(each, "eve"), 409)


def test_of_two_who_set_up_at_once_one_is_first(crane_app: Flask, other: Flask) -> None:
    statuses: list[int] = []

    def set_up(app: Flask, name: str) -> None:
        statuses.append(at(app).ask("POST", "auth/setup", setup_with(SETUP_TOKEN, name)).status_code)

    threads = [threading.Thread(target=set_up, args=(app, name)) for app, name in ((crane_app, "ann"), (other, "eve"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201, 409]


def test_session_is_good_at_both_and_ends_at_both(ann: Browser, other: Flask) -> None:
    there = at(other)
    there.client.set_cookie("crane_session", ann.cookie)
    assert there.name == "ann"

    ann.ask("POST", "auth/logout", status=204)

    until(lambda: there.name == "nobody")


def test_token_is_good_at_both_and_ends_at_both(ann: Browser, other: Flask) -> None:
    made = ann.ask("POST", "auth/me/tokens", {"name": "ci"}, 201)
    there = at(other, token=made["token"])
    assert there.name == "ann"

    ann.ask("DELETE", f"auth/me/tokens/{made['id']}", status=204)

    until(lambda: there.ask("GET", "whoami").status_code == 401)


def test_who_is_refused_at_one_does_not_guess_on_at_the_other(ann: Browser, crane_app: Flask, other: Flask) -> None:
    # No second goes by before the last attempts.
    moment = datetime.now(UTC)
    for app in (crane_app, other):
        crane: Crane = app.extensions["crane"]
        crane.room(Clock).stands_at = moment
    for app in (crane_app, other) * 4:
        at(app, address="198.51.100.1").log_in("ann", "wrong", 401)

    for app in (crane_app, other):
        answer = at(app, address="198.51.100.2").ask("POST", "auth/login", {"name": "ann", "password": PASSWORD})
        assert answer.status_code == 429


def test_login_that_began_at_one_goes_on_at_the_other(ann: Browser, crane_app: Flask, other: Flask) -> None:
    codes = _enrol(ann, crane_app)
    challenge = at(crane_app).log_in()["challenge"]
    there = at(other)

    # The secret of the authenticator was sealed there; a recovery code needs no key.
    there.ask("POST", "auth/login/second-factor", {"challenge": challenge, "code": codes[0]}, 200)

    assert there.name == "ann"


def _enrol(browser: Browser, app: Flask) -> list[str]:
    crane: Crane = app.extensions["crane"]
    secret = browser.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)["secret"]
    code = pyotp.TOTP(secret).at(crane.room(Clock).now())
    codes: list[str] = browser.ask("PUT", "auth/me/totp", {"code": code}, 200)["recovery_codes"]
    return codes
