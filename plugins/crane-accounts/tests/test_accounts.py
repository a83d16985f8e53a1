"""Accounts as other plugins use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import crane_accounts
import pytest
from flask import Flask

from crane_core.errors import Conflict, CraneError, Invalid, NotFound


@pytest.fixture(autouse=True)
def within(crane_app: Flask):
    """Everything here happens outside of a request."""
    with crane_app.app_context():
        yield


def test_account_that_was_made_is_found_however_its_name_is_written() -> None:
    made = crane_accounts.create_account("Ann", display_name="Ann Lee", email="ann@example.org")

    assert made.name == "ann"
    assert crane_accounts.find_account("ANN") == crane_accounts.get_account("ann") == made
    assert crane_accounts.account_by_id(made.id) == made


def test_unknown_account_is_not_found() -> None:
    assert crane_accounts.find_account("eve") is None
    assert crane_accounts.identity_of(99) is None
    with pytest.raises(NotFound):
        crane_accounts.get_account("eve")


@pytest.mark.parametrize("name", ["", "local", "Server", "-ann", "a b", "ann\n", "änn", "a" * 101, "../etc"])
def test_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        crane_accounts.create_account(name)


def test_name_is_taken_once() -> None:
    crane_accounts.create_account("ann")

    with pytest.raises(Conflict):
        crane_accounts.create_account("ANN", kind="service")


def test_identity_says_who_and_what_kind() -> None:
    robot = crane_accounts.create_account("robot", kind="service")
    limits = crane_accounts.Limits(frozenset({"service:read"}), ("shop",))

    identity = crane_accounts.identity_of(robot.id, limits)

    assert identity is not None
    assert (identity.name, identity.kind) == ("robot", "service")
    assert identity.details == {"account_id": robot.id, "limits": limits}


def test_first_admin_is_made_once() -> None:
    assert not crane_accounts.has_admin()

    crane_accounts.make_first_admin("root")

    assert crane_accounts.has_admin()
    with pytest.raises(Conflict) as refused:
        crane_accounts.make_first_admin("eve")
    assert refused.value.code == "already-set-up"
    assert crane_accounts.find_account("eve") is None


def test_of_many_who_would_be_the_first_admin_one_is(crane_app: Flask) -> None:
    def ask(name: str) -> bool:
        with crane_app.app_context():
            try:
                crane_accounts.make_first_admin(name)
            except CraneError:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(ask, [f"admin{number}" for number in range(8)]))

    assert made.count(True) == 1
    assert len(crane_accounts.keeping.directories().current.accounts) == 1


def test_somebody_from_outside_has_the_same_account_each_time() -> None:
    first = crane_accounts.provide_account("oidc:work", "u-17", "ann", "Ann")
    again = crane_accounts.provide_account("oidc:work", "u-17", "ann.lee", "Ann Lee", "ann@example.org")

    assert first.id == again.id
    assert (again.name, again.display_name, again.email, again.source) == (
        "ann",
        "Ann Lee",
        "ann@example.org",
        "oidc:work",
    )


def test_somebody_from_outside_gets_nobody_elses_account() -> None:
    crane_accounts.create_account("ann")

    for source in ("oidc:work", "ldap"):
        with pytest.raises(Conflict) as refused:
            crane_accounts.provide_account(source, "u-17", "Ann")
        assert "was made here" in refused.value.detail
