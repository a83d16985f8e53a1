"""Passkeys: a software authenticator and a browser, against the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.testing import PASSWORD, Browser
from flask import Flask

from .authenticator import Authenticator

Visitors = Callable[..., Browser]


@pytest.fixture
def key() -> Authenticator:
    """A security key."""
    return Authenticator()


@pytest.fixture
def added(ann: Browser, key: Any) -> Any:
    """Ann's security key, added."""
    return add(ann, key)


def add(browser: Browser, key: Any, status: int = 201, name: str = "blue key", **changed: Any) -> Any:
    """Add a passkey, as a browser does."""
    begun = browser.ask("POST", "auth/me/passkeys/options", {"password": PASSWORD}, 200)
    credential = key.create(begun["options"], **changed)
    body = {"challenge": begun["challenge"], "name": name, "credential": credential}
    return browser.ask("POST", "auth/me/passkeys", body, status)


def show(browser: Browser, key: Any, waiting: str | None, status: int = 200, **changed: Any) -> Any:
    """Show a passkey, as a browser does."""
    asked = browser.ask("POST", "auth/login/passkey-options", {"challenge": waiting}, 200)
    credential = key.get(asked["options"], **changed)
    return browser.ask(
        "POST", "auth/login/passkey", {"challenge": asked["challenge"], "credential": credential}, status
    )


def test_first_passkey_comes_with_recovery_codes(ann: Browser, added: Any, key: Any) -> None:
    assert (added["name"], len(added["recovery_codes"])) == ("blue key", 10)
    assert add(ann, key, name="spare")["recovery_codes"] == []
    listed = ann.ask("GET", "auth/me/passkeys", status=200)["items"]
    assert [item["name"] for item in listed] == ["blue key", "spare"]


def test_passkey_is_the_second_factor(added: Any, key: Any, visitor: Visitors, ann: Browser) -> None:
    browser = visitor()
    login = browser.log_in()
    assert (login["state"], login["factors"]) == ("second-factor", ["recovery", "passkey"])

    done = show(browser, key, login["challenge"])

    assert (done["state"], browser.name) == ("done", "ann")
    assert ann.ask("GET", "auth/me/passkeys", status=200)["items"][0]["used_at"]


def test_passkey_alone_logs_in_whom_it_belongs_to(added: Any, key: Any, visitor: Visitors) -> None:
    browser = visitor()

    done = show(browser, key, None)

    assert (done["state"], done["account"]["name"], browser.name) == ("done", "ann", "ann")
    assert browser.ask("GET", "auth/me", status=200)["session"]["method"] == "passkey"


def test_passkey_alone_must_ask_for_a_pin(added: Any, key: Any, visitor: Visitors) -> None:
    key.verifies = False

    assert show(visitor(), key, None, 401)["code"] == "wrong-passkey"


@pytest.mark.parametrize(
    "changed",
    [{"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}, {"counts": -1}],
    ids=["another challenge", "a copy of the key"],
)
def test_answer_to_something_else_is_refused(added: Any, key: Any, visitor: Visitors, changed: dict[str, Any]) -> None:
    key.keys[0].count = 5
    show(visitor(), key, None)

    assert show(visitor(), key, None, 401, **changed)["code"] == "wrong-passkey"


def test_page_elsewhere_cannot_ask_for_it(added: Any, key: Any, visitor: Visitors) -> None:
    key.origin = "http://localhost.evil.example"

    assert show(visitor(), key, None, 401)["code"] == "wrong-passkey"


def test_answer_is_good_once(added: Any, key: Any, visitor: Visitors) -> None:
    browser = visitor()
    asked = browser.ask("POST", "auth/login/passkey-options", {}, 200)
    body = {"challenge": asked["challenge"], "credential": key.get(asked["options"])}
    browser.ask("POST", "auth/login/passkey", body, 200)

    assert visitor().ask("POST", "auth/login/passkey", body, 401)["code"] == "login-expired"


def test_passkey_of_another_is_no_second_factor(ann: Browser, bob: Browser, key: Any, visitor: Visitors) -> None:
    add(ann, key)
    of_bob = Authenticator()
    add(bob, of_bob)
    browser = visitor()
    challenge = browser.log_in()["challenge"]
    asked = browser.ask("POST", "auth/login/passkey-options", {"challenge": challenge}, 200)

    body = {"challenge": asked["challenge"], "credential": of_bob.get({**asked["options"], "allowCredentials": []})}
    assert browser.ask("POST", "auth/login/passkey", body, 401)["code"] == "wrong-passkey"
    assert browser.name == "nobody"


def test_passkey_that_was_asked_for_by_another_is_not_added(ann: Browser, bob: Browser, key: Any) -> None:
    begun = ann.ask("POST", "auth/me/passkeys/options", {"password": PASSWORD}, 200)
    body = {"challenge": begun["challenge"], "name": "x", "credential": key.create(begun["options"])}

    assert bob.ask("POST", "auth/me/passkeys", body, 401)["code"] == "wrong-passkey"


@pytest.mark.parametrize("changed", [{"challenge": "AAAAAAAA"}, {"rp_id": "evil.example"}])
def test_passkey_for_another_site_is_not_added(ann: Browser, key: Any, changed: dict[str, Any]) -> None:
    assert add(ann, key, 401, **changed)["code"] == "wrong-passkey"


@pytest.mark.parametrize(
    "credential",
    [{}, {"rawId": "AA"}, {"rawId": 7}, {"rawId": "AA", "response": 1}, {"id": "AA", "rawId": "AA", "response": {}}],
)
def test_nonsense_is_refused(ann: Browser, visitor: Visitors, credential: dict[str, Any]) -> None:
    asked = visitor().ask("POST", "auth/login/passkey-options", {}, 200)
    body = {"challenge": asked["challenge"], "credential": credential}
    assert visitor().ask("POST", "auth/login/passkey", body, 401)["code"] == "wrong-passkey"

    begun = ann.ask("POST", "auth/me/passkeys/options", {"password": PASSWORD}, 200)
    body = {"challenge": begun["challenge"], "name": "x", "credential": credential}
    assert ann.ask("POST", "auth/me/passkeys", body, 401)["code"] == "wrong-passkey"


def test_passkey_is_removed(ann: Browser, added: Any, key: Any, visitor: Visitors) -> None:
    ann.ask("DELETE", f"auth/me/passkeys/{added['id']}", {"password": PASSWORD}, 204)

    assert visitor().log_in()["state"] == "done"
    assert show(visitor(), key, None, 401)["code"] == "wrong-passkey"
    ann.ask("DELETE", f"auth/me/passkeys/{added['id']}", {"password": PASSWORD}, 404)


@pytest.mark.usefixtures("still")
def test_logins_that_are_begun_and_left_do_not_fill_the_database(added: Any, key: Any, visitor: Visitors) -> None:
    eve = visitor(address="198.51.100.9")
    for _ in range(3):
        show(eve, key, None)
    statuses = [eve.ask("POST", "auth/login/passkey-options", {}).status_code for _ in range(202)]

    assert set(statuses[:200]) == {200}
    assert statuses[-1] == 429
    show(visitor(), key, None)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("http://localhost:5013", True),
        ("https://crane.example.org", True),
        ("http://crane.example.org", False),
        ("https://192.0.2.1", False),
        ("http://127.0.0.1:5013", False),
    ],
)
def test_it_is_known_where_browsers_make_passkeys(crane_app: Flask, url: str, usable: bool) -> None:
    answer = crane_app.test_client().get("/api/v1/auth/state", base_url=url)

    assert answer.json is not None
    assert answer.json["passkeys"] is usable
