"""Accounts as other plugins use them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import crane_accounts
import pytest
from crane_accounts.directory import Scope
from crane_accounts.grants.operations import create_grant
from crane_accounts.groups.operations import add_member, create_group, remove_member
from crane_accounts.keeping import directories
from crane_accounts.users.operations import change_account, remove_account
from flask import Flask

from crane_core.context import get_crane
from crane_core.errors import Conflict, CraneError, Invalid, NotFound
from crane_core.security import LOCAL


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
    assert len(directories().current.accounts) == 1


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


def test_groups_of_an_outside_source_are_those_that_it_names_last() -> None:
    crane = get_crane()
    for name in ("dev", "ops", "qa"):
        create_group(crane, LOCAL, name)
    ann = crane_accounts.provide_account("ldap", "u-17", "ann", groups=["Dev", "ops", "unknown"])
    add_member(crane, LOCAL, "dev", "ann")
    add_member(crane, LOCAL, "qa", "ann")

    def groups() -> list[str]:
        return [group.name for group in directories().current.groups_of(ann.id)]

    assert groups() == ["dev", "ops", "qa"]
    crane_accounts.provide_account("ldap", "u-17", "ann", groups=None)
    assert groups() == ["dev", "ops", "qa"]
    crane_accounts.provide_account("ldap", "u-17", "ann", groups=["qa"])
    assert groups() == ["dev", "qa"]
    remove_member(crane, LOCAL, "qa", "ann")
    assert groups() == ["dev", "qa"]
    with pytest.raises(Conflict) as refused:
        remove_member(crane, LOCAL, "qa", "ann")
    assert refused.value.code == "member-from-elsewhere"


def test_last_admin_is_not_lost_to_an_outside_source(caplog: pytest.LogCaptureFixture) -> None:
    crane = get_crane()
    create_group(crane, LOCAL, "admins")
    create_grant(crane, LOCAL, "allow", "admin", Scope(), group="admins")
    crane_accounts.provide_account("oidc:work", "u-17", "ann", groups=["admins"])

    crane_accounts.provide_account("oidc:work", "u-17", "ann", groups=[])

    assert crane_accounts.has_admin()
    assert "ann is the last who may do everything" in caplog.text
    crane_accounts.provide_account("oidc:work", "u-18", "bob", groups=["admins"])
    crane_accounts.provide_account("oidc:work", "u-17", "ann", groups=[])
    assert len(directories().current.admins) == 1


def test_id_of_an_account_is_never_used_again() -> None:
    crane = get_crane()
    first = crane_accounts.create_account("ann")
    remove_account(crane, LOCAL, "ann")

    second = crane_accounts.create_account("ann")

    assert second.id > first.id
    assert crane_accounts.identity_of(first.id) is None


def test_removed_account_loses_its_outside_subject() -> None:
    crane = get_crane()
    first = crane_accounts.provide_account("ldap", "u-17", "ann")
    remove_account(crane, LOCAL, "ann")

    assert crane_accounts.provide_account("ldap", "u-17", "ann").id > first.id


def test_operator_makes_an_admin_of_who_was_shut_out() -> None:
    crane = get_crane()
    crane_accounts.make_first_admin("root")
    crane_accounts.create_account("ann")
    create_grant(crane, LOCAL, "deny", "viewer", Scope(), account="ann")
    change_account(crane, LOCAL, "ann", {"disabled": True})

    crane_accounts.make_admin("ann")

    made = crane_accounts.get_account("ann")
    assert not made.disabled
    assert made.id in directories().current.admins
    crane_accounts.make_admin("ann")
    with pytest.raises(NotFound):
        crane_accounts.make_admin("eve")
