"""What lasts, as a live socket does, ends as soon as what proved its caller does; and what answers say to browsers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.testing import PASSWORD, Browser
from flask import Flask

from crane_core.context import Crane
from crane_core.security import identify
from crane_core.standing import Standing
from crane_core.testing.waiting import PATIENT_SECONDS

Visitors = Callable[..., Browser]


@pytest.fixture
def ends(crane: Crane, crane_app: Flask) -> Callable[..., bool]:
    """Tell whether something ends a request of somebody that lasts."""

    def act(browser: Browser, change: Callable[[], object]) -> bool:
        ended = threading.Event()
        headers = {"Authorization": f"Bearer {browser.token}" if browser.token else ""}
        if browser.cookie:
            headers = {"Cookie": f"crane_session={browser.cookie}"}
        with crane_app.test_request_context("/api/v1/whoami", headers=headers):
            assert identify().kind == "user"
            with crane.room(Standing).admitted(lambda reason: ended.set()):
                change()
                return ended.wait(PATIENT_SECONDS)

    return act


def test_logout_ends_what_the_session_opened(ann: Browser, ends: Callable[..., bool], visitor: Visitors) -> None:
    phone = visitor()
    phone.log_in()

    assert ends(phone, lambda: phone.ask("POST", "auth/logout", status=204))


def test_revoked_session_ends(ann: Browser, bob: Browser, ends: Callable[..., bool]) -> None:
    of_bob = ann.ask("GET", "sessions?name=bob", status=200)["items"][0]["id"]

    assert ends(bob, lambda: ann.ask("DELETE", f"sessions/{of_bob}", status=204))


def test_new_password_ends_all_sessions(ann: Browser, bob: Browser, ends: Callable[..., bool]) -> None:
    body = {"password": "another long password"}

    assert ends(bob, lambda: ann.ask("PUT", "passwords/bob", body, 204))


def test_disabled_account_ends(ann: Browser, bob: Browser, ends: Callable[..., bool]) -> None:
    assert ends(bob, lambda: ann.ask("PATCH", "users/bob", {"disabled": True}, 200))


def test_revoked_token_ends(ann: Browser, ends: Callable[..., bool], visitor: Visitors) -> None:
    made = ann.ask("POST", "auth/me/tokens", {"name": "ci"}, 201)
    program = visitor(token=made["token"])

    assert ends(program, lambda: ann.ask("DELETE", f"auth/me/tokens/{made['id']}", status=204))


def test_other_sessions_go_on(ann: Browser, visitor: Visitors, crane: Crane, crane_app: Flask) -> None:
    phone = visitor()
    phone.log_in()
    ended: list[str] = []

    own = crane_app.test_request_context("/api/v1/whoami", headers={"Cookie": f"crane_session={ann.cookie}"})
    with own, crane.room(Standing).admitted(ended.append) as stays:
        phone.ask("POST", "auth/logout", status=204)

        assert crane.room(Standing).may_stay(stays)
        assert ended == []


def test_answers_tell_browsers_what_not_to_do(ann: Browser) -> None:
    headers = ann.ask("GET", "whoami").headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in headers


def test_browsers_come_back_encrypted_where_they_came_so(crane_app: Flask) -> None:
    answer = crane_app.test_client().get("/api/v1/auth/state", base_url="https://crane.example.org")

    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_what_carries_secrets_is_kept_by_nobody(ann: Browser) -> None:
    for method, path, body in (
        ("POST", "auth/login", {"name": "ann", "password": PASSWORD, "bearer": True}),
        ("POST", "auth/me/tokens", {"name": "ci"}),
        ("POST", "auth/me/totp", {"password": PASSWORD}),
        ("GET", "auth/me", None),
        ("GET", "auth/state", None),
    ):
        assert ann.ask(method, path, body).headers["Cache-Control"] == "no-store", path


class TestBehindAProxy:
    """A server that a proxy encrypts for."""

    @pytest.fixture
    def more_settings(self) -> dict[str, Any]:
        return {"auth.url": "https://crane.example.org"}

    def test_cookie_is_sent_encrypted_only(self, ann: Browser) -> None:
        answer = ann.ask("POST", "auth/login", {"name": "ann", "password": PASSWORD})

        assert "Secure" in answer.headers["Set-Cookie"]
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
