"""Second factors: codes of an authenticator, and recovery codes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from crane_auth.clock import Clock
from crane_auth.models import RecoveryRow, TotpRow
from crane_auth.sealing import KEY_FILE, Seal
from crane_auth.testing import PASSWORD, Browser
from crane_database import session, update
from flask import Flask

from crane_core.context import Crane
from crane_core.errors import SetupError

Visitors = Callable[..., Browser]
# What an authenticator shows is another code half a minute later.
pytestmark = pytest.mark.usefixtures("still")


@pytest.fixture
def code_of(crane: Crane) -> Callable[..., str]:
    """Return what an authenticator shows now, or some seconds later."""

    def act(secret: str, seconds: float = 0) -> str:
        return pyotp.TOTP(secret).at(crane.room(Clock).now() + timedelta(seconds=seconds))

    return act


@pytest.fixture
def enrolled(ann: Browser, code_of: Callable[..., str], later: Callable[..., None]) -> tuple[str, list[str]]:
    """Ann has an authenticator; its secret, and her recovery codes."""
    secret = ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)["secret"]
    codes = ann.ask("PUT", "auth/me/totp", {"code": code_of(secret)}, 200)["recovery_codes"]
    later(seconds=60)
    return secret, codes


def test_authenticator_reads_its_secret_from_a_uri(ann: Browser) -> None:
    made = ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)

    parsed = pyotp.parse_uri(made["uri"])
    assert (parsed.secret, parsed.name, parsed.issuer) == (made["secret"], "ann", "Crane")


def test_authenticator_counts_once_a_code_of_it_was_shown(ann: Browser, visitor: Visitors) -> None:
    ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)

    assert visitor().log_in()["state"] == "done"
    assert not ann.ask("GET", "auth/me", status=200)["totp"]
    ann.ask("PUT", "auth/me/totp", {"code": "000000"}, 401)


def test_password_alone_is_not_enough_any_more(
    enrolled: tuple[str, list[str]], visitor: Visitors, code_of: Callable[..., str]
) -> None:
    browser = visitor()

    login = browser.log_in()

    assert (login["state"], login["factors"], login["account"]) == ("second-factor", ["totp", "recovery"], None)
    assert (browser.cookie, browser.name) == ("", "nobody")
    done = browser.ask(
        "POST", "auth/login/second-factor", {"challenge": login["challenge"], "code": code_of(enrolled[0])}, 200
    )
    assert (done["state"], done["account"]["name"], browser.name) == ("done", "ann", "ann")


@pytest.mark.parametrize(("seconds", "status"), [(-60, 401), (-30, 200), (30, 200), (60, 401)])
def test_clock_that_is_a_little_off_is_no_matter(
    enrolled: tuple[str, list[str]], visitor: Visitors, code_of: Callable[..., str], seconds: int, status: int
) -> None:
    browser = visitor()
    sent = {"challenge": browser.log_in()["challenge"], "code": code_of(enrolled[0], seconds)}

    browser.ask("POST", "auth/login/second-factor", sent, status)


def test_code_is_good_once(enrolled: tuple[str, list[str]], visitor: Visitors, code_of: Callable[..., str]) -> None:
    code, browser, thief = code_of(enrolled[0]), visitor(), visitor(address="192.0.2.66")
    first, second = browser.log_in()["challenge"], thief.log_in()["challenge"]

    browser.ask("POST", "auth/login/second-factor", {"challenge": first, "code": code}, 200)

    answer = thief.ask("POST", "auth/login/second-factor", {"challenge": second, "code": code}, 401)
    assert answer["code"] == "wrong-code"


def test_code_of_the_enrolment_is_not_good_to_log_in(
    ann: Browser, visitor: Visitors, code_of: Callable[..., str]
) -> None:
    secret = ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)["secret"]
    code = code_of(secret)
    ann.ask("PUT", "auth/me/totp", {"code": code}, 200)
    browser = visitor()

    browser.ask("POST", "auth/login/second-factor", {"challenge": browser.log_in()["challenge"], "code": code}, 401)


def test_codes_are_guessed_slowly(
    enrolled: tuple[str, list[str]], visitor: Visitors, code_of: Callable[..., str], later: Callable[..., None]
) -> None:
    eve = visitor()
    challenge = eve.log_in()["challenge"]
    answers = [
        eve.ask("POST", "auth/login/second-factor", {"challenge": challenge, "code": f"{number:06}"})
        for number in range(6)
    ]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    right = {"challenge": challenge, "code": code_of(enrolled[0])}
    assert visitor(address="192.0.2.66").ask("POST", "auth/login/second-factor", right).status_code == 429


def test_login_that_waits_expires(
    enrolled: tuple[str, list[str]], visitor: Visitors, code_of: Callable[..., str], later: Callable[..., None]
) -> None:
    browser = visitor()
    challenge = browser.log_in()["challenge"]
    later(minutes=5, seconds=1)

    sent = {"challenge": challenge, "code": code_of(enrolled[0])}
    assert browser.ask("POST", "auth/login/second-factor", sent, 401)["code"] == "login-expired"


def test_step_of_another_login_is_none(enrolled: tuple[str, list[str]], visitor: Visitors) -> None:
    challenge = visitor().log_in()["challenge"]

    for path, body in (
        ("auth/login/new-password", {"password": "another long password"}),
        ("auth/login/totp", {}),
    ):
        assert visitor().ask("POST", path, {"challenge": challenge, **body}, 401)["code"] == "login-expired"


def test_recovery_code_is_good_once(
    enrolled: tuple[str, list[str]], visitor: Visitors, ann: Browser, events: Callable[[], Any]
) -> None:
    code = enrolled[1][3]

    def show(typed: str, status: int) -> None:
        browser = visitor()
        sent = {"challenge": browser.log_in()["challenge"], "code": typed}
        browser.ask("POST", "auth/login/second-factor", sent, status)

    assert (len(set(enrolled[1])), len(code)) == (10, 17)
    show(code.upper().replace("-", " "), 200)
    assert ("factor.used", "ann", "ann") in events()
    show(code, 401)
    assert ann.ask("GET", "auth/me", status=200)["recovery_codes_left"] == 9


def test_recovery_codes_are_made_anew(enrolled: tuple[str, list[str]], ann: Browser, visitor: Visitors) -> None:
    fresh = ann.ask("POST", "auth/me/recovery-codes", {"password": PASSWORD}, 200)["recovery_codes"]

    assert not set(fresh) & set(enrolled[1])
    browser = visitor()
    challenge = browser.log_in()["challenge"]
    browser.ask("POST", "auth/login/second-factor", {"challenge": challenge, "code": enrolled[1][0]}, 401)
    browser.ask("POST", "auth/login/second-factor", {"challenge": challenge, "code": fresh[0]}, 200)


def test_without_a_factor_there_are_no_recovery_codes(ann: Browser) -> None:
    assert ann.ask("POST", "auth/me/recovery-codes", {"password": PASSWORD}, 409)["code"] == "not-enrolled"


def test_unlocked_screen_is_not_enough(enrolled: tuple[str, list[str]], ann: Browser) -> None:
    for method, path in (
        ("DELETE", "auth/me/totp"),
        ("POST", "auth/me/recovery-codes"),
        ("POST", "auth/me/passkeys/options"),
    ):
        assert ann.ask(method, path, {}, 401)["code"] == "wrong-credentials"
        assert ann.ask(method, path, {"password": "wrong"}, 401)["code"] == "wrong-credentials"
    assert ann.ask("POST", "auth/me/totp", {"password": PASSWORD}, 409)["code"] == "already-enrolled"


def test_authenticator_is_removed_and_its_codes_with_it(
    enrolled: tuple[str, list[str]], ann: Browser, visitor: Visitors
) -> None:
    ann.ask("DELETE", "auth/me/totp", {"password": PASSWORD}, 204)

    me = ann.ask("GET", "auth/me", status=200)
    assert (me["totp"], me["recovery_codes_left"]) == (False, 0)
    assert visitor().log_in()["state"] == "done"


def test_admin_takes_away_what_somebody_lost(
    ann: Browser, bob: Browser, visitor: Visitors, code_of: Callable[..., str]
) -> None:
    secret = bob.ask("POST", "auth/me/totp", {"password": PASSWORD}, 200)["secret"]
    bob.ask("PUT", "auth/me/totp", {"code": code_of(secret)}, 200)

    ann.ask("DELETE", "second-factors/bob", status=204)

    assert visitor().log_in("bob")["state"] == "done"


def test_secret_is_sealed_and_codes_are_digests(
    enrolled: tuple[str, list[str]], crane_app: Flask, crane: Crane
) -> None:
    with session(crane_app) as database:
        row = database.query(TotpRow).one()
        digests = {each.digest for each in database.query(RecoveryRow)}

    assert enrolled[0].encode() not in row.sealed
    assert not digests & set(enrolled[1])
    assert stat.S_IMODE((crane.data_directory / KEY_FILE).stat().st_mode) == 0o600


def test_secret_that_was_sealed_elsewhere_is_told(
    enrolled: tuple[str, list[str]], crane_app: Flask, visitor: Visitors, code_of: Callable[..., str]
) -> None:
    with session(crane_app) as database:
        database.execute(update(TotpRow).values(key_id="0" * 16))
        database.commit()
    browser = visitor()

    sent = {"challenge": browser.log_in()["challenge"], "code": code_of(enrolled[0])}
    answer = browser.ask("POST", "auth/login/second-factor", sent, 409)

    assert (answer["code"], "auth.seal_key_file" in answer["detail"]) == ("seal-broken", True)


def test_secret_of_one_is_not_anothers(enrolled: tuple[str, list[str]], crane: Crane, crane_app: Flask) -> None:
    with session(crane_app) as database:
        row = database.query(TotpRow).one()

    seal = crane.room(Seal)
    assert seal.open(row.sealed, f"totp of {row.account_id}", row.key_id) == enrolled[0]
    with pytest.raises(Exception, match="altered"):
        seal.open(row.sealed, f"totp of {row.account_id + 1}", row.key_id)


def test_secrets_are_told_to_no_plugin(
    enrolled: tuple[str, list[str]], events: Callable[[], Any], told: list[Any]
) -> None:
    events()

    assert not any(secret in repr(told) for secret in (enrolled[0], *enrolled[1]))


class TestDemanded:
    """A server that demands a second factor of everybody."""

    @pytest.fixture
    def more_settings(self) -> dict[str, Any]:
        return {"auth.require_second_factor": "everybody"}

    def test_first_administrator_gets_one_before_the_session(
        self, visitor: Visitors, code_of: Callable[..., str], later: Callable[..., None]
    ) -> None:
        from crane_auth.testing import SETUP_TOKEN

        browser = visitor()
        login = browser.ask("POST", "auth/setup", {"token": SETUP_TOKEN, "name": "ann", "password": PASSWORD}, 201)
        assert (login["state"], browser.name) == ("enroll", "nobody")

        made = browser.ask("POST", "auth/login/totp", {"challenge": login["challenge"]}, 200)
        sent = {"challenge": made["challenge"], "code": code_of(made["secret"])}
        done = browser.ask("POST", "auth/login/second-factor", sent, 200)

        assert (done["state"], len(done["recovery_codes"]), browser.name) == ("done", 10, "ann")
        assert browser.ask("GET", "auth/me", status=200)["second_factor_required"]
        later(minutes=1)
        assert visitor().log_in()["state"] == "second-factor"


class TestSharedKey:
    """Several servers that use one key."""

    @pytest.fixture
    def more_settings(self, tmp_path: Any) -> dict[str, Any]:
        (tmp_path / "shared.key").write_bytes(b"k" * 32)
        return {"auth.seal_key_file": str(tmp_path / "shared.key")}

    def test_is_the_one_that_is_named(self, crane: Crane, tmp_path: Any) -> None:
        sealed = crane.room(Seal).close("secret", "a test")
        assert Seal(crane).open(sealed, "a test", Seal(crane).key_id) == "secret"
        assert not (crane.data_directory / KEY_FILE).exists()

        (tmp_path / "shared.key").write_bytes(b"short")
        with pytest.raises(SetupError, match="32 bytes"):
            Seal(crane)
