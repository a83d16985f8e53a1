"""The first start: who has the setup token makes the first administrator, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.setup import offer_setup, setup_url
from crane_auth.starting import start
from crane_auth.testing import PASSWORD, SETUP_TOKEN, Browser
from flask import Flask

from crane_core.context import Crane

FIRST = {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD}
Visitors = Callable[..., Browser]


def test_new_server_asks_for_the_setup_token(visitor: Visitors) -> None:
    state = visitor().ask("GET", "auth/state", status=200)

    assert (state["set_up"], state["account"]) == (False, None)
    assert state["methods"] == [{"name": "password", "title": "Password", "kind": "password"}]


def test_setup_token_makes_the_first_administrator_and_logs_in(visitor: Visitors) -> None:
    ann = visitor()

    login = ann.ask("POST", "auth/setup", {**FIRST, "display_name": "Ann"}, 201)

    assert (login["state"], login["account"]["display_name"], login["token"]) == ("done", "Ann", None)
    assert ann.ask("GET", "auth/state", status=200)["set_up"]
    assert "service:create" in ann.ask("GET", "whoami", status=200)["actions"]


def test_there_is_no_second_first_administrator(ann: Browser, visitor: Visitors) -> None:
    answer = visitor().ask("POST", "auth/setup", {**FIRST, "name": "eve"}, 409)

    assert answer["code"] == "already-set-up"


@pytest.mark.parametrize("token", ["wrong", "", " " + SETUP_TOKEN])
def test_wrong_setup_token_makes_nobody(visitor: Visitors, token: str) -> None:
    eve = visitor()

    assert eve.ask("POST", "auth/setup", {**FIRST, "token": token}).status_code in (401, 422)
    assert not eve.ask("GET", "auth/state", status=200)["set_up"]


def test_setup_token_expires(visitor: Visitors, later: Callable[..., None]) -> None:
    later(minutes=61)

    assert visitor().ask("POST", "auth/setup", FIRST, 401)["code"] == "wrong-setup-token"


def test_restart_gives_out_another_token(
    visitor: Visitors, crane: Crane, crane_app: Flask, later: Callable[..., None]
) -> None:
    later(minutes=61)
    with crane_app.app_context():
        token = offer_setup(crane)

    assert visitor().ask("POST", "auth/setup", {**FIRST, "token": token}, 201)["state"] == "done"
    with crane_app.app_context():
        assert offer_setup(crane) is None


@pytest.mark.usefixtures("still")
def test_setup_token_is_guessed_slowly(visitor: Visitors) -> None:
    eve = visitor()
    answers = [eve.ask("POST", "auth/setup", {**FIRST, "token": "guess"}) for _ in range(32)]

    assert [answer.status_code for answer in answers[:30]] == [401] * 30
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_weak_password_is_refused_and_the_token_goes_on(visitor: Visitors) -> None:
    ann = visitor()

    weak = ann.ask("POST", "auth/setup", {**FIRST, "password": "password1234"}, 422)

    assert (weak["code"], weak["errors"][0]["pointer"]) == ("weak-password", "/password")
    ann.ask("POST", "auth/setup", FIRST, 201)


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a\nb"}, {"name": "no such/name"}, {"password": 7}, {"more": 1}, {"email": "\x00"}],
)
def test_bad_input_is_refused(visitor: Visitors, wrong: dict[str, Any]) -> None:
    eve = visitor()

    eve.ask("POST", "auth/setup", {**FIRST, **wrong}, 422)
    assert not eve.ask("GET", "auth/state", status=200)["set_up"]


def test_start_announces_the_address_and_no_other_start_does(crane: Crane, crane_app: Flask, visitor: Visitors) -> None:
    [said] = crane.announcements
    crane.announcements.clear()
    visitor().ask("POST", "auth/setup", FIRST, 201)

    assert said.startswith("There is no administrator yet. Within 60 minutes, open http://127.0.0.1:5013/setup#token=")
    with crane_app.app_context():
        start(crane_app)
    assert crane.announcements == []


class TestAddress:
    """The address that a browser is told."""

    @pytest.fixture
    def more_settings(self) -> dict[str, Any]:
        return {"auth.url": "https://crane.example.org/"}

    def test_is_the_one_that_is_set(self, crane: Crane) -> None:
        assert setup_url(crane, "abc") == "https://crane.example.org/setup#token=abc"
