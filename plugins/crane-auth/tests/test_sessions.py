"""Sessions: how a browser keeps one, how it ends, and who may end it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.digests import digest
from crane_auth.forgetting import forget
from crane_auth.identifying import Proofs
from crane_auth.models import PasswordRow, SessionRow
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser
from crane_database import db, sa, session
from flask import Flask

from crane_core.context import Crane

Visitors = Callable[..., Browser]


@pytest.fixture
def statements(crane_app: Flask) -> list[str]:
    """What the database is asked by the requests of the test; loops of the server ask it too."""
    asked: list[str] = []
    own = threading.current_thread()
    with crane_app.app_context():
        engine = db.engine

    def listen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread() is own:
            asked.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    return asked


def test_cookie_is_read_by_no_script_and_sent_from_no_other_site(ann: Browser, visitor: Visitors) -> None:
    answer = visitor().ask("POST", "auth/login", {"name": "ann", "password": PASSWORD})

    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert answer.headers["Cache-Control"] == "no-store"


def test_cookie_is_sent_encrypted_only_where_the_server_is(ann: Browser, crane_app: Flask) -> None:
    client = crane_app.test_client()
    body = {"name": "ann", "password": PASSWORD}

    answer = client.post("/api/v1/auth/login", json=body, base_url="https://crane.example.org")

    assert "Secure" in answer.headers["Set-Cookie"]


def test_secret_is_kept_as_a_digest_only(ann: Browser, crane_app: Flask) -> None:
    with session(crane_app) as database:
        row = database.query(SessionRow).one()

    assert len(ann.cookie) == len("crane_session_") + 64
    assert row.digest == digest(ann.cookie)


def test_login_gives_another_session_and_ends_the_one_before(ann: Browser, visitor: Visitors) -> None:
    before = ann.cookie
    ann.log_in()
    thief = visitor()
    thief.client.set_cookie("crane_session", before)

    assert ann.cookie != before
    assert (ann.name, thief.name) == ("ann", "nobody")


def test_session_that_a_browser_was_given_by_somebody_else_is_not_taken_over(ann: Browser, visitor: Visitors) -> None:
    browser = visitor()
    browser.client.set_cookie("crane_session", "crane_session_" + "0" * 64)

    browser.log_in()

    assert browser.cookie != "crane_session_" + "0" * 64


def test_session_ends_when_it_is_not_used(ann: Browser, later: Callable[..., None]) -> None:
    for _ in range(3):
        later(hours=11)
        assert ann.name == "ann"
    later(hours=12, minutes=1)

    assert ann.name == "nobody"
    assert ann.ask("GET", "auth/me", status=401)["code"] == "unauthenticated"


def test_session_ends_however_it_is_used(ann: Browser, later: Callable[..., None]) -> None:
    names = []
    for _ in range(17):
        later(hours=10)
        names.append(ann.name)

    assert names == ["ann"] * 16 + ["nobody"]


def test_logout_ends_the_session_on_the_server(ann: Browser, visitor: Visitors) -> None:
    thief = visitor()
    thief.client.set_cookie("crane_session", ann.cookie)
    assert thief.name == "ann"

    ann.ask("POST", "auth/logout", status=204)

    assert ann.cookie == ""
    assert (ann.name, thief.name) == ("nobody", "nobody")
    ann.ask("POST", "auth/logout", status=204)


def test_sessions_are_listed_to_whose_they_are(ann: Browser, bob: Browser, visitor: Visitors) -> None:
    phone = visitor(address="192.0.2.77", headers={"User-Agent": "Phone"})
    phone.log_in()

    items = ann.ask("GET", "auth/me/sessions", status=200)["items"]

    assert [(item["name"], item["address"], item["device"], item["current"]) for item in items] == [
        ("ann", "192.0.2.77", "Phone", False),
        ("ann", "192.0.2.1", items[1]["device"], True),
    ]
    assert [item["name"] for item in bob.ask("GET", "auth/me/sessions", status=200)["items"]] == ["bob"]


def test_own_session_elsewhere_is_ended(ann: Browser, visitor: Visitors, events: Callable[[], Any]) -> None:
    phone = visitor(headers={"User-Agent": "Phone"})
    phone.log_in()
    found = ann.ask("GET", "auth/me/sessions", status=200)["items"]
    lost = next(item["id"] for item in found if item["device"] == "Phone")

    ann.ask("DELETE", f"auth/me/sessions/{lost}", status=204)

    assert (ann.name, phone.name) == ("ann", "nobody")
    assert events()[-1] == ("session.revoked", "ann", "ann")
    ann.ask("DELETE", f"auth/me/sessions/{lost}", status=404)


def test_session_of_another_is_not_ones_own(ann: Browser, bob: Browser) -> None:
    of_ann = ann.ask("GET", "auth/me/sessions", status=200)["items"][0]["id"]

    bob.ask("DELETE", f"auth/me/sessions/{of_ann}", status=404)
    bob.ask("DELETE", f"sessions/{of_ann}", status=403)
    assert bob.ask("GET", "sessions").status_code == 403
    assert ann.name == "ann"


def test_admin_ends_the_sessions_of_others(ann: Browser, bob: Browser, events: Callable[[], Any]) -> None:
    of_bob = ann.ask("GET", "sessions?name=bob", status=200)["items"]

    ann.ask("DELETE", f"sessions/{of_bob[0]['id']}", status=204)

    assert bob.name == "nobody"
    assert events()[-1] == ("session.revoked", "bob", "ann")


@pytest.mark.parametrize("name", ["x", "0" * 16, "%00", "0" * 15 + "g", "a" * 300])
def test_session_that_is_none_is_not_found(ann: Browser, name: str) -> None:
    ann.ask("DELETE", f"sessions/{name}", status=404)
    ann.ask("DELETE", f"auth/me/sessions/{name}", status=404)


def test_most_requests_ask_the_database_nothing(
    ann: Browser, statements: list[str], later: Callable[..., None]
) -> None:
    assert ann.name == "ann"
    statements.clear()

    for _ in range(20):
        assert ann.name == "ann"
    assert statements == []

    later(minutes=1)
    for _ in range(20):
        assert ann.name == "ann"
    assert len([each for each in statements if each.startswith("UPDATE auth_session")]) == 1


def test_other_server_notices_that_a_session_ended(ann: Browser, crane: Crane, crane_app: Flask) -> None:
    secret = ann.cookie
    other = Proofs(crane)
    with crane_app.app_context():
        assert other.identify(secret) is not None
        ann.ask("POST", "auth/logout", status=204)

        assert other.identify(secret) is None


def test_what_has_expired_is_forgotten(
    ann: Browser, crane: Crane, crane_app: Flask, later: Callable[..., None]
) -> None:
    with crane_app.app_context():
        forget(crane)
        with session() as database:
            assert database.query(SessionRow).count() == 1
        later(hours=13)
        forget(crane)
        with session() as database:
            assert database.query(SessionRow).count() == 0


def test_how_somebody_logged_in_is_forgotten_with_the_account(
    ann: Browser, bob: Browser, crane: Crane, crane_app: Flask
) -> None:
    assert ann.ask("DELETE", "users/bob").status_code in (200, 204)

    assert bob.name == "nobody"
    crane.events.drain()
    with session(crane_app) as database:
        assert [database.query(kind).count() for kind in (SessionRow, PasswordRow)] == [1, 1]


def test_disabled_account_is_out_at_once(ann: Browser, bob: Browser, visitor: Visitors) -> None:
    ann.ask("PATCH", "users/bob", {"disabled": True}, 200)

    assert bob.name == "nobody"
    visitor().log_in("bob", PASSWORD, 401)


def test_session_for_a_program_is_a_token(ann: Browser, visitor: Visitors) -> None:
    program = visitor(headers={"User-Agent": "crane-cli/1"})

    login = program.log_in(bearer=True)

    assert program.cookie == ""
    program.token = login["token"]
    assert program.name == "ann"
    program.ask("POST", "auth/logout", status=204)
    assert program.ask("GET", "whoami", status=401)["code"] == "unauthenticated"


# --- Pages of other sites -----------------------------------------------------------------------------------------

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_page_of_another_origin_changes_nothing_with_the_cookie(ann: Browser, headers: dict[str, str]) -> None:
    ann.headers = headers
    for method, path, body in (
        ("POST", "auth/logout", None),
        ("PUT", "auth/me/password", {"old": PASSWORD, "new": "another long password"}),
        ("POST", "auth/me/tokens", {"name": "evil"}),
        ("POST", "services", {"name": "evil", "image": "evil"}),
    ):
        assert ann.ask(method, path, body, 403)["code"] == "cross-site"
    ann.headers = {}
    assert ann.name == "ann"


@pytest.mark.parametrize("headers", FOREIGN)
def test_page_of_another_origin_logs_nobody_in(ann: Browser, visitor: Visitors, headers: dict[str, str]) -> None:
    victim = visitor(headers=headers)

    assert victim.log_in(status=403)["code"] == "cross-site"
    setup = {"token": SETUP_TOKEN, "name": "eve", "password": PASSWORD}
    assert victim.ask("POST", "auth/setup", setup, 403)["code"] == "cross-site"
    assert victim.cookie == ""


@pytest.mark.parametrize("headers", FOREIGN)
def test_page_of_another_origin_opens_no_socket_with_the_cookie(ann: Browser, headers: dict[str, str]) -> None:
    ann.headers = {**headers, "Upgrade": "websocket", "Connection": "Upgrade"}

    assert ann.ask("GET", "live", status=403)["code"] == "cross-site"


def test_form_of_another_site_is_not_read_as_a_login(ann: Browser, crane_app: Flask) -> None:
    body = '{"name": "ann", "password": "' + PASSWORD + '"}'

    answer = crane_app.test_client().post("/api/v1/auth/login", data=body, content_type="text/plain")

    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers
