"""OpenID Connect: a real provider on the loopback, and what happens when it or a browser misbehaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import crane_accounts
import pytest
from crane_accounts.keeping import Directories
from crane_auth.outside import oidc
from crane_auth.outside.oidc import Provider as Ours
from crane_auth.outside.operations import is_local
from crane_auth.testing import Browser
from flask import Flask
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from crane_core.context import Crane
from crane_core.errors import SetupError

from .provider import SECRET, Provider, serving

Visitors = Callable[..., Browser]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """An identity provider; it is waited for as long as a busy machine lets it wait."""
    monkeypatch.setattr(oidc, "ANSWER_SECONDS", 60)
    with serving() as found:
        yield found


@pytest.fixture
def groups() -> dict[str, Any]:
    """What a test sets about groups."""
    return {}


@pytest.fixture
def more_settings(provider: Any, groups: dict[str, Any]) -> dict[str, Any]:
    """The provider, and what this server is called there."""
    return {
        "auth.oidc_issuer": provider.url,
        "auth.oidc_client_id": "crane",
        "auth.oidc_client_secret": SECRET,
        "auth.oidc_name": "Example",
        **groups,
    }


def leave(browser: Browser, return_to: str = "/stacks") -> str:
    """Begin to log in; return where the browser is sent."""
    return str(browser.ask("POST", "auth/login/oidc/start", {"return": return_to}, 200)["url"])


def come_back(browser: Browser, query: dict[str, str]) -> TestResponse:
    """Come back from the provider, as a browser does that was led here by a page of it."""
    told = {name: value for name, value in query.items() if name != "redirect_uri"}
    answer: TestResponse = browser.client.get(
        "/api/v1/auth/login/oidc/return",
        query_string=told,
        headers={"Sec-Fetch-Site": "cross-site"},
        environ_base={"REMOTE_ADDR": browser.address},
    )
    assert answer.status_code == 303
    return answer


def log_in(browser: Browser, provider: Any, **how: Any) -> TestResponse:
    """Log in at the provider."""
    return come_back(browser, provider.authorize(leave(browser, **how)))


def error_of(answer: TestResponse) -> str:
    """Return why a login was refused, as the page is told where one logs in."""
    parts = urlsplit(answer.headers["Location"])
    assert parts.path == "/login"
    return parse_qs(parts.fragment)["error"][0]


@pytest.fixture
def groups_of(crane: Crane, crane_app: Flask) -> Callable[[str], list[str]]:
    """Return the groups of somebody."""

    def act(name: str) -> list[str]:
        with crane_app.app_context():
            directory = crane.room(Directories).refresh()
            account = crane_accounts.get_account(name)
            return sorted(group.name for group in directory.groups_of(account.id))

    return act


def test_way_to_log_in_is_offered(ann: Browser) -> None:
    methods = ann.ask("GET", "auth/state", status=200)["methods"]

    assert methods[1] == {"name": "oidc", "title": "Example", "kind": "redirect"}


def test_browser_comes_back_logged_in(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.claims |= {"name": "Carol", "email": "carol@example.org", "email_verified": True}
    carol = visitor()

    answer = log_in(carol, provider, return_to="/stacks?x=1")

    assert answer.headers["Location"] == "/stacks?x=1"
    assert carol.name == "carol"
    state = carol.ask("GET", "auth/state", status=200)
    assert state["account"] == {
        "name": "carol", "kind": "user", "display_name": "Carol", "email": "carol@example.org",
    }  # fmt: skip
    assert state["session"]["method"] == "oidc"


def test_provider_is_asked_for_what_the_token_leaves_out(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.claims = {"sub": "u-1"}
    provider.userinfo = {"sub": "u-1", "preferred_username": "carol"}
    carol = visitor()

    log_in(carol, provider)

    assert carol.name == "carol"


def test_what_is_said_of_somebody_else_is_not_believed(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.claims = {"sub": "u-1"}
    provider.userinfo = {"sub": "u-2", "preferred_username": "ann"}

    assert error_of(log_in(visitor(), provider)) == "login-refused"


def test_second_login_is_the_same_account_whatever_it_is_called(ann: Browser, provider: Any, visitor: Visitors) -> None:
    log_in(visitor(), provider)
    provider.claims["preferred_username"] = "caroline"
    again = visitor()

    log_in(again, provider)

    assert again.name == "carol"


def test_account_of_this_server_is_not_taken_over(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.claims["preferred_username"] = "ann"
    eve = visitor()

    assert error_of(log_in(eve, provider)) == "account-name-taken"
    assert eve.name == "nobody"


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another client"},
        {"aud": ["crane", "another client"]},
        {"aud": ["crane", "another client"], "azp": "another client"},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"at_hash": "wrong"},
    ],
    ids=str,
)
def test_token_of_another_login_is_refused(
    ann: Browser, provider: Any, visitor: Visitors, changed: dict[str, Any]
) -> None:
    provider.changed = changed
    eve = visitor()

    assert error_of(log_in(eve, provider)) == "login-refused"
    assert (eve.cookie, eve.name) == ("", "nobody")


def test_token_that_another_key_signed_is_refused(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.sign_with = RSAKey.generate_key(2048, {"kid": "one"})

    assert error_of(log_in(visitor(), provider)) == "login-refused"


def test_token_that_the_client_could_have_signed_is_refused(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.algorithm, provider.sign_with = "HS256", OctKey.import_key(SECRET)

    assert error_of(log_in(visitor(), provider)) == "login-refused"


def test_new_key_of_the_provider_is_fetched(ann: Browser, provider: Any, visitor: Visitors) -> None:
    log_in(visitor(), provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    carol = visitor()

    log_in(carol, provider)

    assert carol.name == "carol"
    assert provider.asked.count("description") == 1


def test_state_is_good_once(ann: Browser, provider: Any, visitor: Visitors) -> None:
    carol = visitor()
    query = provider.authorize(leave(carol))
    mark = carol.client.get_cookie("crane_login", path="/api/v1/auth/login")
    come_back(carol, query)
    assert mark is not None
    carol.client.set_cookie("crane_login", mark.value, path="/api/v1/auth/login")

    assert error_of(come_back(carol, query)) == "login-expired"


def test_browser_that_was_not_sent_away_does_not_come_back(ann: Browser, provider: Any, visitor: Visitors) -> None:
    query = provider.authorize(leave(visitor()))
    victim = visitor()

    assert error_of(come_back(victim, query)) == "login-expired"
    leave(victim)
    assert error_of(come_back(victim, provider.authorize(leave(visitor())))) == "login-expired"
    assert victim.name == "nobody"


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"state": "x", "code": "y"}, {"code": "y"}])
def test_way_back_without_a_way_there_leads_nowhere(ann: Browser, visitor: Visitors, query: dict[str, str]) -> None:
    assert error_of(come_back(visitor(), query)) == "login-expired"


def test_login_that_took_too_long_is_refused(
    ann: Browser, provider: Any, visitor: Visitors, later: Callable[..., None]
) -> None:
    carol = visitor()
    query = provider.authorize(leave(carol))
    later(minutes=6)

    assert error_of(come_back(carol, query)) == "login-expired"


def test_code_of_another_login_is_worth_nothing(ann: Browser, provider: Any, visitor: Visitors) -> None:
    carol, eve = visitor(), visitor()
    stolen = provider.authorize(leave(carol))["code"]
    own = provider.authorize(leave(eve))

    assert error_of(come_back(eve, {**own, "code": stolen})) == "login-refused"


def test_code_of_another_provider_is_not_taken_to_this_one(ann: Browser, provider: Any, visitor: Visitors) -> None:
    carol = visitor()
    query = provider.authorize(leave(carol))

    assert error_of(come_back(carol, {**query, "iss": "https://evil.example"})) == "login-refused"


def test_refusal_of_the_provider_is_told(ann: Browser, provider: Any, visitor: Visitors) -> None:
    carol = visitor()
    state = provider.authorize(leave(carol))["state"]

    assert error_of(come_back(carol, {"state": state, "error": "access_denied"})) == "login-refused"


def test_provider_that_calls_itself_otherwise_is_not_used(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.description = {"issuer": "https://another.example"}

    answer = visitor().ask("POST", "auth/login/oidc/start", {}, 503)

    assert answer["code"] == "provider-unavailable"


def test_address_that_is_not_verified_is_nobodys(ann: Browser, provider: Any, visitor: Visitors) -> None:
    for verified in (False, "true", None):
        provider.claims |= {"email": "boss@example.org", "email_verified": verified}
        carol = visitor()
        log_in(carol, provider)
        assert carol.ask("GET", "auth/state", status=200)["account"]["email"] == ""


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "evil.example", "javascript:alert(1)", "", " /x", "/\u2028/evil.example",
    ],
)  # fmt: skip
def test_browser_is_led_to_no_other_site(ann: Browser, visitor: Visitors, path: str) -> None:
    answer = visitor().ask("POST", "auth/login/oidc/start", {"return": path}, 422)

    assert answer["code"] == "invalid"
    assert not is_local(path)


def test_method_that_is_none_is_not_found(ann: Browser, visitor: Visitors) -> None:
    assert visitor().ask("POST", "auth/login/github/start", {}, 404)["code"] == "method-not-found"
    assert visitor().ask("POST", "auth/login/password/start", {}, 404)["code"] == "method-not-found"
    answer = visitor().ask("POST", "auth/login", {"method": "oidc", "name": "x", "password": "y"}, 404)
    assert answer["code"] == "method-not-found"


def test_groups_are_left_alone_unless_a_claim_names_them(
    ann: Browser, provider: Any, visitor: Visitors, groups_of: Callable[[str], list[str]]
) -> None:
    provider.claims["groups"] = ["team"]
    log_in(visitor(), provider)

    assert groups_of("carol") == []


class TestGroups:
    """Groups that a claim names."""

    @pytest.fixture
    def groups(self) -> dict[str, Any]:
        return {"auth.oidc_groups_claim": "groups", "auth.oidc_groups": ["Swarm=team", "CN=a=other"]}

    def test_follow_the_claim_at_each_login(
        self, ann: Browser, provider: Any, visitor: Visitors, groups_of: Callable[[str], list[str]]
    ) -> None:
        for name in ("team", "other", "swarm"):
            ann.ask("POST", "groups", {"name": name}, 201)
        seen = []
        for told in (["Swarm", "Unknown", "swarm"], ["CN=a"], "Swarm", [], None):
            provider.claims["groups"] = told
            log_in(visitor(), provider)
            seen.append(groups_of("carol"))

        assert seen == [["team"], ["other"], ["team"], [], []]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"auth.oidc_issuer": "http://login.example.org"}, "https"),
        ({"auth.oidc_client_id": ""}, "client_id"),
        ({"auth.oidc_groups": ["nonsense"]}, "names no group"),
    ],
)
def test_settings_that_cannot_be_meant_stop_the_server(crane: Crane, changed: dict[str, Any], says: str) -> None:
    from dataclasses import replace

    settings = {
        **crane.settings,
        "auth.oidc_issuer": "https://login.example.org",
        "auth.oidc_client_id": "x",
        **changed,
    }

    with pytest.raises(SetupError, match=says):
        Ours(replace(crane, settings=settings)).check_settings()  # type: ignore[arg-type]


# --- Programs -----------------------------------------------------------------------------------------------------


def begin(program: Browser, verifier: str = "the verifier") -> str:
    """Begin to log in from a program that listens on a port."""
    loopback = {"port": 45678, "proof": hashlib.sha256(verifier.encode()).hexdigest()}
    return str(program.ask("POST", "auth/login/oidc/start", {"loopback": loopback}, 200)["url"])


def test_program_collects_what_a_browser_brings(ann: Browser, provider: Any, visitor: Visitors) -> None:
    program, browser = visitor(), visitor()

    answer = come_back(browser, provider.authorize(begin(program)))

    where = urlsplit(answer.headers["Location"])
    assert (where.scheme, where.netloc) == ("http", "127.0.0.1:45678")
    sent = {"code": parse_qs(where.query)["code"][0], "verifier": "the verifier"}
    program.token = program.ask("POST", "auth/login/collect", sent, 200)["token"]
    assert (program.name, browser.name, browser.cookie) == ("carol", "nobody", "")
    assert visitor().ask("POST", "auth/login/collect", sent, 401)["code"] == "login-expired"


def test_what_a_browser_brings_is_of_no_use_to_others(ann: Browser, provider: Any, visitor: Visitors) -> None:
    answer = come_back(visitor(), provider.authorize(begin(visitor())))
    code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    sent = {"code": code, "verifier": "another verifier"}
    assert visitor().ask("POST", "auth/login/collect", sent, 401)["code"] == "login-expired"


def test_program_is_told_why_it_was_refused(ann: Browser, provider: Any, visitor: Visitors) -> None:
    provider.changed = {"nonce": "another"}

    answer = come_back(visitor(), provider.authorize(begin(visitor())))

    where = urlsplit(answer.headers["Location"])
    assert (where.netloc, parse_qs(where.query)["error"]) == ("127.0.0.1:45678", ["login-refused"])


@pytest.mark.parametrize(
    "loopback",
    [
        {},
        {"port": 80, "proof": "0" * 64},
        {"port": 45678, "proof": "x"},
        {"port": "45678@evil.example", "proof": "0" * 64},
    ],
)
def test_browser_is_led_to_no_other_place_for_a_program(
    ann: Browser, visitor: Visitors, loopback: dict[str, Any]
) -> None:
    visitor().ask("POST", "auth/login/oidc/start", {"loopback": loopback}, 422)
