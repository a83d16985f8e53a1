"""Passwords: which are taken, how they are kept, and how slowly they are guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from crane_auth.models import PasswordRow
from crane_auth.passwords.hashing import Hasher
from crane_auth.passwords.strength import Strength
from crane_auth.testing import PASSWORD, Browser
from crane_database import session, update
from flask import Flask

from crane_core.context import Crane
from crane_core.errors import CraneError

Visitors = Callable[..., Browser]
OTHER = "seventeen velvet otters"


def test_wrong_password_and_unknown_name_are_answered_alike(ann: Browser, visitor: Visitors) -> None:
    eve = visitor(address="192.0.2.9")

    wrong, unknown = eve.log_in("ann", "wrong", 401), eve.log_in("nobody-of-here", "wrong", 401)

    assert wrong == unknown
    assert wrong["code"] == "wrong-credentials"
    assert eve.cookie == ""


def test_name_is_taken_in_any_case(ann: Browser, visitor: Visitors) -> None:
    assert visitor().log_in("ANN")["account"]["name"] == "ann"


def test_password_is_kept_as_argon2id(ann: Browser, crane_app: Flask) -> None:
    with session(crane_app) as database:
        kept = database.query(PasswordRow).one().hash

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PASSWORD not in kept


def test_old_hash_is_made_anew_at_a_login(ann: Browser, visitor: Visitors, crane_app: Flask, crane: Crane) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with session(crane_app) as database:
        database.execute(update(PasswordRow).values(hash=old))
        database.commit()

    visitor().log_in()

    with session(crane_app) as database:
        kept = database.query(PasswordRow).one().hash
    assert crane.room(Hasher).is_outdated(old)
    assert not crane.room(Hasher).is_outdated(kept)


@pytest.mark.usefixtures("still")
def test_account_is_guessed_slowly_from_wherever(ann: Browser, visitor: Visitors, later: Callable[..., None]) -> None:
    tries = [visitor(address=f"198.51.100.{number}").log_in("ann", "wrong", 401) for number in range(8)]

    refused = visitor().ask("POST", "auth/login", {"name": "Ann ", "password": PASSWORD})

    assert len(tries) == 8
    assert (refused.status_code, refused.json["code"]) == (429, "too-many-attempts")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    later(minutes=2)
    visitor().log_in()


@pytest.mark.usefixtures("still")
def test_address_is_slowed_down_whoever_it_guesses(ann: Browser, visitor: Visitors) -> None:
    eve, other = visitor(address="198.51.100.7"), visitor(address="198.51.100.8")

    for number in range(30):
        eve.log_in(f"somebody-{number}", "wrong", 401)

    assert eve.ask("POST", "auth/login", {"name": "ann", "password": PASSWORD}).status_code == 429
    other.log_in()


@pytest.mark.usefixtures("still")
def test_thousand_at_once_are_not_looked_at(ann: Browser, visitor: Visitors) -> None:
    def guess(number: int) -> int:
        return (
            visitor(address=f"198.51.100.{number}")
            .ask("POST", "auth/login", {"name": "ann", "password": f"guess {number}"})
            .status_code
        )

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(40)))

    # The eighth failure begins the delay, and those that come in the same second may count once more each.
    assert statuses.count(401) <= 12
    assert set(statuses) == {401, 429}


def test_login_makes_the_account_begin_anew(ann: Browser, visitor: Visitors) -> None:
    for _ in range(3):
        for _ in range(6):
            visitor(address="198.51.100.1").log_in("ann", "wrong", 401)
        visitor().log_in()


def test_failures_are_told_without_what_was_typed(
    ann: Browser, visitor: Visitors, events: Callable[[], Any], told: list[Any]
) -> None:
    visitor().log_in("ann", "hunter2 in the wrong place", 401)
    visitor().log_in("hunter2 as the name", "x", 401)

    assert events()[-2:] == [("login.failed", "ann", ""), ("login.failed", "", "")]
    assert "hunter2" not in repr(told)


def test_own_password_is_changed_and_other_sessions_end(ann: Browser, visitor: Visitors) -> None:
    elsewhere = visitor()
    elsewhere.log_in()

    ann.ask("PUT", "auth/me/password", {"old": PASSWORD, "new": OTHER}, 204)

    assert (ann.name, elsewhere.name) == ("ann", "nobody")
    visitor().log_in("ann", PASSWORD, 401)
    visitor().log_in("ann", OTHER)


def test_own_password_is_not_changed_without_the_old_one(ann: Browser) -> None:
    assert ann.ask("PUT", "auth/me/password", {"old": "wrong", "new": OTHER}, 401)["code"] == "wrong-credentials"
    assert ann.ask("PUT", "auth/me/password", {"old": PASSWORD, "new": "short"}, 422)["errors"][0]["pointer"] == "/new"


def test_password_that_an_admin_set_must_be_changed(
    ann: Browser, visitor: Visitors, make_account: Callable[..., Any]
) -> None:
    make_account("bob")
    ann.ask("PUT", "passwords/bob", {"password": OTHER}, 204)
    bob = visitor()

    login = bob.log_in("bob", OTHER)

    assert (login["state"], login["account"], bob.name) == ("new-password", None, "nobody")
    weak = {"challenge": login["challenge"], "password": "short"}
    bob.ask("POST", "auth/login/new-password", weak, 422)
    done = bob.ask("POST", "auth/login/new-password", {**weak, "password": PASSWORD}, 200)
    assert (done["state"], bob.name) == ("done", "bob")
    assert bob.ask("POST", "auth/login/new-password", {**weak, "password": PASSWORD}, 401)["code"] == "login-expired"


def test_who_may_not_sets_nobody_a_password(ann: Browser, bob: Browser) -> None:
    bob.ask("PUT", "passwords/ann", {"password": OTHER}, 403)
    bob.ask("DELETE", "second-factors/ann", status=403)
    ann.ask("PUT", "passwords/nobody-of-here", {"password": OTHER}, 404)


def test_program_has_no_password(ann: Browser, visitor: Visitors, make_account: Callable[..., Any]) -> None:
    make_account("ci", kind="service")

    assert ann.ask("PUT", "passwords/ci", {"password": OTHER}, 409)["code"] == "no-password"
    visitor().log_in("ci", OTHER, 401)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password-too-short"),
        ("x" * 1025, "password-too-long"),
        ("password1234", "password-common"),
        ("P@ssw0rd!!!!", "password-common"),
        ("aaaaaaaaaaaa", "password-common"),
        ("abcdefghijkl", "password-common"),
        ("123456789012", "password-common"),
        ("annabelle-12", "password-common"),
    ],
)
def test_password_that_is_guessed_first_is_refused(crane: Crane, password: str, code: str) -> None:
    with pytest.raises(CraneError) as caught:
        crane.room(Strength).demand(password, "annabelle")

    assert [violation.code for violation in caught.value.violations] == [code]


@pytest.mark.parametrize(
    "password", [PASSWORD, "correct horse battery", "пароль, который длинный", "🦦" * 3 + "otters x3!"]
)
def test_long_password_needs_no_signs(crane: Crane, password: str) -> None:
    crane.room(Strength).demand(password, "annabelle")


class TestBreached:
    """A file of passwords that were stolen elsewhere."""

    LISTED = tuple(f"the stolen password {number}" for number in range(300))

    @pytest.fixture(params=["plain", "dos", "hashes", "counted"])
    def more_settings(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
        hashes = sorted(hashlib.sha1(each.encode()).hexdigest().upper() for each in self.LISTED)
        lines = {
            "plain": "\n".join(self.LISTED),
            "dos": "\r\n".join(self.LISTED) + "\r\n",
            "hashes": "\n".join(hashes) + "\n",
            "counted": "\r\n".join(f"{each}:{index}" for index, each in enumerate(hashes)),
        }
        (tmp_path / "list").write_bytes(lines[request.param].encode())
        return {"auth.breached_passwords": str(tmp_path / "list")}

    def test_refuses_each_of_them_and_no_other(self, crane: Crane) -> None:
        strength = crane.room(Strength)
        for each in self.LISTED:
            with pytest.raises(CraneError, match="stolen elsewhere"):
                strength.demand(each)
        strength.demand("the stolen password 300")
        strength.demand("he stolen password 2")
