"""API tokens: shown once, limited, expiring, revoked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.digests import digest
from crane_auth.models import TokenRow
from crane_auth.testing import PASSWORD, Browser
from crane_database import session
from flask import Flask

Visitors = Callable[..., Browser]


@pytest.fixture
def make_token(ann: Browser) -> Callable[..., Any]:
    """Make a token of Ann's."""

    def make(status: int = 201, **members: Any) -> Any:
        return ann.ask("POST", "auth/me/tokens", {"name": "ci", **members}, status)

    return make


def test_token_is_shown_once_and_kept_as_a_digest(
    ann: Browser, make_token: Callable[..., Any], crane_app: Flask
) -> None:
    made = make_token()

    assert made["token"].startswith("crane_")
    listed = ann.ask("GET", "auth/me/tokens", status=200)["items"]
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    with session(crane_app) as database:
        assert database.query(TokenRow).one().digest == digest(made["token"])


def test_token_stands_for_its_account(make_token: Callable[..., Any], visitor: Visitors) -> None:
    program = visitor(token=make_token()["token"])

    assert program.name == "ann"
    assert program.ask("GET", "auth/state", status=200)["session"] is None


def test_use_is_noted(ann: Browser, make_token: Callable[..., Any], visitor: Visitors) -> None:
    made = make_token()
    assert made["used_at"] is None

    assert visitor(token=made["token"]).name == "ann"

    assert ann.ask("GET", "auth/me/tokens", status=200)["items"][0]["used_at"] is not None


@pytest.mark.parametrize(
    "token", ["crane_", "crane_" + "0" * 64, "crane_session_" + "0" * 64, "crane_local_x", "crane_é"]
)
def test_wrong_token_is_refused(ann: Browser, visitor: Visitors, token: str) -> None:
    program = visitor()
    answer = program.ask("GET", "whoami", Authorization=f"Bearer {token}".encode().decode("latin-1"))

    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_token_of_somebody_elses_kind_is_left_to_other_plugins(ann: Browser, visitor: Visitors) -> None:
    assert visitor(token="github_pat_1").name == "nobody"


def test_wrong_token_is_not_made_good_by_a_cookie(ann: Browser) -> None:
    ann.token = "crane_" + "0" * 64

    ann.ask("GET", "whoami", status=401)


def test_cookie_counts_beside_the_credentials_of_a_proxy(ann: Browser) -> None:
    ann.headers = {"Authorization": "Basic dXNlcjpwYXNz"}

    assert ann.name == "ann"


def test_token_expires(make_token: Callable[..., Any], visitor: Visitors, later: Callable[..., None]) -> None:
    program = visitor(token=make_token(days=1)["token"])
    assert program.name == "ann"

    later(hours=25)

    program.ask("GET", "whoami", status=401)


def test_token_without_days_is_good_for_as_long_as_is_allowed(
    make_token: Callable[..., Any], visitor: Visitors, later: Callable[..., None]
) -> None:
    program = visitor(token=make_token()["token"])
    later(days=364)
    assert program.name == "ann"
    later(days=2)
    program.ask("GET", "whoami", status=401)


def test_token_that_is_revoked_is_refused_at_once(
    ann: Browser, make_token: Callable[..., Any], visitor: Visitors, events: Callable[[], Any]
) -> None:
    made = make_token()
    program = visitor(token=made["token"])
    assert program.name == "ann"

    ann.ask("DELETE", f"auth/me/tokens/{made['id']}", status=204)

    program.ask("GET", "whoami", status=401)
    assert events()[-2:] == [("token.created", "ann", "ann"), ("token.removed", "ann", "ann")]
    ann.ask("DELETE", f"auth/me/tokens/{made['id']}", status=404)


def test_secret_of_a_token_is_told_to_no_plugin(
    make_token: Callable[..., Any], events: Callable[[], Any], told: list[Any]
) -> None:
    secret = make_token()["token"]
    events()

    assert secret not in repr(told)
    assert digest(secret) not in repr(told)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"actions": ["service:fly"]}, "no-action"),
        ({"days": 366}, "token-too-long"),
        ({"days": 0}, ""),
        ({"actions": []}, ""),
        ({"stacks": [""]}, ""),
        ({"stacks": ["a b"]}, ""),
        ({"stacks": "shop"}, ""),
        ({"name": ""}, ""),
        ({"name": "x" * 101}, ""),
        ({"name": "a\u0000"}, ""),
        ({"account": "bob"}, ""),
    ],
)
def test_token_that_cannot_be_is_not_made(
    ann: Browser, make_token: Callable[..., Any], wrong: dict[str, Any], code: str
) -> None:
    answer = make_token(422, **wrong)

    assert answer["errors"][0].get("code", "") == code
    assert ann.ask("GET", "auth/me/tokens", status=200)["total"] == 0


def test_limits_narrow_what_the_account_may(make_token: Callable[..., Any], visitor: Visitors) -> None:
    made = make_token(actions=["service:read", "stack:read"], stacks=["shop", "shop-*"])
    program = visitor(token=made["token"])

    assert (made["actions"], made["stacks"]) == (["service:read", "stack:read"], ["shop", "shop-*"])
    assert set(program.ask("GET", "whoami", status=200)["actions"]) <= {"service:read", "stack:read"}
    program.ask("GET", "plugins", status=403)
    program.ask("POST", "services", {"name": "web", "image": "nginx"}, 403)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "auth/me/tokens", {"name": "more"}),
        ("PUT", "auth/me/password", {"old": PASSWORD, "new": "another long password"}),
        ("POST", "auth/me/totp", {"password": PASSWORD}),
        ("PUT", "auth/me/totp", {"code": "123456"}),
        ("DELETE", "auth/me/totp", {"password": PASSWORD}),
        ("POST", "auth/me/recovery-codes", {"password": PASSWORD}),
        ("POST", "auth/me/passkeys/options", {"password": PASSWORD}),
        ("DELETE", "auth/me/passkeys/0000000000000000", {"password": PASSWORD}),
    ],
)
def test_token_changes_nothing_of_how_its_owner_logs_in(
    make_token: Callable[..., Any], visitor: Visitors, method: str, path: str, body: Any
) -> None:
    program = visitor(token=make_token()["token"])

    assert program.ask(method, path, body, 403)["code"] == "session-needed"


def test_service_account_gets_its_tokens_from_an_admin(
    ann: Browser, visitor: Visitors, make_account: Callable[..., Any], events: Callable[[], Any]
) -> None:
    make_account("ci", kind="service")

    made = ann.ask("POST", "tokens", {"account": "ci", "name": "pipeline", "days": 30}, 201)

    program = visitor(token=made["token"])
    whoami = program.ask("GET", "whoami", status=200)
    assert (whoami["name"], whoami["kind"], made["created_by"]) == ("ci", "service", "ann")
    assert ann.ask("GET", "tokens?account=ci", status=200)["items"][0]["id"] == made["id"]
    ann.ask("DELETE", f"tokens/{made['id']}", status=204)
    program.ask("GET", "whoami", status=401)
    assert events()[-1] == ("token.removed", "ci", "ann")


def test_nobody_makes_a_token_that_stands_for_another_person(ann: Browser, bob: Browser) -> None:
    assert (
        ann.ask("POST", "tokens", {"account": "bob", "name": "x"}, 422)["errors"][0]["code"] == "not-a-service-account"
    )
    ann.ask("POST", "tokens", {"account": "nobody-of-here", "name": "x"}, 404)
    bob.ask("POST", "tokens", {"account": "bob", "name": "x"}, 403)
    bob.ask("GET", "tokens", status=403)


def test_limited_token_makes_no_other_token(
    ann: Browser, make_token: Callable[..., Any], visitor: Visitors, make_account: Callable[..., Any]
) -> None:
    make_account("ci", kind="service")
    program = visitor(token=make_token(actions=["token:create"])["token"])

    assert program.ask("POST", "tokens", {"account": "ci", "name": "x"}, 403)["code"] == "session-needed"


def test_token_of_another_is_not_ones_own(ann: Browser, bob: Browser, make_token: Callable[..., Any]) -> None:
    made = make_token()

    bob.ask("DELETE", f"auth/me/tokens/{made['id']}", status=404)
    bob.ask("DELETE", f"tokens/{made['id']}", status=403)
    assert bob.ask("GET", "auth/me/tokens", status=200)["total"] == 0
