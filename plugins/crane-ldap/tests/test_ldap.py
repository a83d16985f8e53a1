"""Logging in with the accounts of a directory."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from crane_auth.testing import PASSWORD, Browser
from crane_ldap.directory import Directory
from slapd import GROUPS, PASSWORDS, PEOPLE, Slapd, person_dn

from crane_core.errors import SetupError

ANN = PASSWORDS["ann"]
Visitor = Callable[..., Browser]
Make = Callable[[dict[str, Any]], Directory]


def log_in(browser: Browser, name: str, password: str, status: int = 200) -> Any:
    return browser.log_in(name, password, status, method="ldap")


def groups_of(admin: Browser, name: str) -> list[str]:
    return sorted(admin.ask("GET", f"users/{name}", status=200)["groups"])


class TestLogin:
    """Who is let in."""

    def test_account_is_made_at_the_first_login(self, admin: Browser, visitor: Visitor) -> None:
        ann = visitor()
        told = log_in(ann, "ann", ANN)

        assert (told["state"], told["account"]["name"], ann.name) == ("done", "ann", "ann")
        shown = admin.ask("GET", "users/ann", status=200)
        assert (shown["display_name"], shown["email"], shown["source"]) == ("Ann Ames", "ann@example.com", "ldap")

    def test_way_is_offered(self, visitor: Visitor) -> None:
        methods = visitor().ask("GET", "auth/state", status=200)["methods"]

        assert {"name": "ldap", "title": "LDAP", "kind": "password"} in methods

    @pytest.mark.parametrize("password", ["", "wrong", " ", ANN + " ", ANN.upper(), "\0", "x" * 5000])
    def test_wrong_password_is_refused(self, admin: Browser, visitor: Visitor, password: str) -> None:
        answer = visitor().ask("POST", "auth/login", {"method": "ldap", "name": "ann", "password": password})

        assert answer.status_code in (401, 422), answer.text

    @pytest.mark.parametrize("password", ["", "\0", "\0\0"])
    def test_directory_is_not_even_asked_without_a_password(self, directory: Directory, password: str) -> None:
        assert directory.check("ann", password) is None

    @pytest.mark.parametrize("name", [
        "*", "a*", "ann)(uid=*", "ann)(|(uid=*", "*)(objectClass=*", "ann\\2a", "\\61nn", "ann\0", "nobody", "(", ")",
        "\\", "uid=ann", person_dn("ann"), "ann,ou=people", "|(uid=ann)", "x" * 300, "*)(uid=*))(|(uid=*",
    ])  # fmt: skip
    def test_name_is_a_name_and_no_filter(self, directory: Directory, name: str) -> None:
        assert directory.check(name, ANN) is None

    def test_name_with_a_star_is_somebody_too(self, directory: Directory, slapd: Slapd) -> None:
        slapd.add(
            f"uid=st*r,{PEOPLE}", "inetOrgPerson", {"cn": "Star", "sn": "Star", "userPassword": "starlight eleven"}
        )
        try:
            found = directory.check("st*r", "starlight eleven")
        finally:
            slapd.remove(f"uid=st*r,{PEOPLE}")

        assert found is not None
        assert found.name == "st*r"

    def test_name_of_several_is_nobodys(self, directory: Directory, slapd: Slapd) -> None:
        slapd.add(f"ou=others,{PEOPLE}", "organizationalUnit", {})
        twin = f"uid=ann,ou=others,{PEOPLE}"
        slapd.add(twin, "inetOrgPerson", {"cn": "Twin", "sn": "Twin", "userPassword": ANN})
        try:
            assert directory.check("ann", ANN) is None
        finally:
            slapd.remove(twin)
            slapd.remove(f"ou=others,{PEOPLE}")

    def test_referral_is_not_followed(self, directory: Directory, slapd: Slapd) -> None:
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.settimeout(0.2)
            where = f"ldap://127.0.0.1:{trap.getsockname()[1]}/uid=eve,{PEOPLE}"
            dn = f"uid=eve,{PEOPLE}"
            slapd.add(dn, ["referral", "extensibleObject"], {"ref": where})
            try:
                assert directory.check("eve", ANN) is None
                with pytest.raises(TimeoutError):
                    trap.accept()
            finally:
                with slapd.root() as connection:
                    # As what it is, and not where it leads.
                    connection.delete(dn, controls=[("2.16.840.1.113730.3.4.2", True, None)])

    def test_local_account_is_not_taken_over(self, admin: Browser, visitor: Visitor) -> None:
        admin.ask("POST", "users", {"name": "ann"}, 201)

        answer = visitor().ask("POST", "auth/login", {"method": "ldap", "name": "ann", "password": ANN})

        assert answer.status_code == 409
        assert admin.ask("GET", "users/ann", status=200)["source"] == "local"

    def test_disabled_account_is_not_let_in(self, admin: Browser, visitor: Visitor) -> None:
        log_in(visitor(), "ann", ANN)
        admin.ask("PATCH", "users/ann", {"disabled": True}, 200)

        assert (
            visitor().ask("POST", "auth/login", {"method": "ldap", "name": "ann", "password": ANN}).status_code == 401
        )

    def test_somebody_renamed_is_the_same(self, admin: Browser, visitor: Visitor, slapd: Slapd) -> None:
        log_in(visitor(), "ann", ANN)
        slapd.move(person_dn("ann"), "uid=anna")
        try:
            renamed = visitor()
            log_in(renamed, "anna", ANN)
            assert renamed.name == "ann"
        finally:
            slapd.move(person_dn("anna"), "uid=ann")


class TestGroups:
    """Groups that follow the directory."""

    def test_mapped_groups_follow(self, admin: Browser, visitor: Visitor, slapd: Slapd) -> None:
        admin.ask("POST", "groups", {"name": "own"}, 201)
        log_in(visitor(), "ann", ANN)
        admin.ask("PUT", "groups/own/members/ann", status=None)
        assert {"operators", "auditors"} <= set(groups_of(admin, "ann"))

        slapd.replace(f"cn=Swarm Operators,{GROUPS}", member=[person_dn("bob")])
        try:
            log_in(visitor(), "ann", ANN)
        finally:
            slapd.replace(f"cn=Swarm Operators,{GROUPS}", member=[person_dn("ann"), person_dn("bob")])

        assert "operators" not in groups_of(admin, "ann")
        assert "auditors" in groups_of(admin, "ann")

    def test_dn_is_escaped_in_the_filter_of_groups(self, directory: Directory, slapd: Slapd) -> None:
        dn = f"uid=par(en)*,{PEOPLE}"
        slapd.add(dn, "inetOrgPerson", {"cn": "Paren", "sn": "P", "userPassword": "bracket seventy one"})
        try:
            found = directory.check("par(en)*", "bracket seventy one")
        finally:
            slapd.remove(dn)

        assert found is not None
        assert found.groups == frozenset()

    @pytest.mark.parametrize("more_settings", [{"ldap.groups": []}])
    def test_groups_of_the_same_name_without_a_map(self, directory: Directory) -> None:
        found = directory.check("ann", ANN)

        assert found is not None
        assert found.groups == {"Swarm Operators", "auditors"}

    @pytest.mark.parametrize("more_settings", [{"ldap.group_base": ""}])
    def test_groups_are_left_alone_where_none_are_looked_up(self, directory: Directory) -> None:
        found = directory.check("ann", ANN)

        assert found is not None
        assert found.groups is None

    @pytest.mark.parametrize("more_settings", [{"ldap.group_base": "ou=gone,dc=example,dc=com"}])
    def test_nobody_loses_groups_by_trouble(self, admin: Browser, visitor: Visitor) -> None:
        told = log_in(visitor(), "ann", ANN, 503)

        assert told["code"] == "directory-unavailable"


class TestTrouble:
    """A directory that is away, or not what it says."""

    @pytest.mark.parametrize("more_settings", [{"ldap.url": "ldap://127.0.0.1:1"}])
    def test_directory_that_is_away_shuts_nobody_else_out(self, admin: Browser, visitor: Visitor) -> None:
        told = log_in(visitor(), "ann", ANN, 503)

        assert told["code"] == "directory-unavailable"
        assert "127.0.0.1:1" in told["detail"]
        assert ANN not in str(told)
        assert visitor().log_in("root", PASSWORD)["state"] == "done"

    @pytest.mark.parametrize("more_settings", [{"ldap.bind_password": "not-that"}])
    def test_searcher_that_is_refused_is_no_wrong_password(self, admin: Browser, visitor: Visitor) -> None:
        told = log_in(visitor(), "ann", ANN, 503)

        assert "not-that" not in str(told)

    @pytest.mark.parametrize("more_settings", [{"ldap.subject_attribute": "employeeNumber"}])
    def test_somebody_who_is_known_by_nothing_is_not_let_in(self, admin: Browser, visitor: Visitor) -> None:
        assert "employeeNumber" in log_in(visitor(), "ann", ANN, 503)["detail"]

    def test_answer_that_does_not_come_is_not_waited_for(self, make: Make) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
            assert_unavailable(make({"ldap.url": url, "ldap.answer_seconds": 1.0}))


class TestTls:
    """What is said is not heard by others."""

    def test_tls_from_the_first_byte(self, slapd: Slapd, make: Make) -> None:
        found = make({"ldap.url": f"ldaps://localhost:{slapd.tls_port}"}).check("ann", ANN)

        assert found is not None
        assert found.name == "ann"

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    def test_unknown_authority_is_refused(self, slapd: Slapd, make: Make, scheme: str) -> None:
        port = slapd.port if scheme == "ldap" else slapd.tls_port
        unknown = {"ldap.url": f"{scheme}://localhost:{port}", "ldap.tls_ca": ""}

        assert_unavailable(make(unknown))

    @pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
    def test_certificate_of_another_name_is_refused(self, slapd: Slapd, make: Make, scheme: str) -> None:
        port = slapd.port if scheme == "ldap" else slapd.tls_port
        # This name leads to the same machine, and stands in no certificate.
        assert make({"ldap.url": f"{scheme}://127.0.0.1:{port}"}).check("ann", ANN)
        other = {"ldap.url": f"{scheme}://127.0.0.2:{port}"}

        assert_unavailable(make(other))


def assert_unavailable(directory: Directory) -> None:
    from crane_ldap.errors import DirectoryUnavailable

    with pytest.raises(DirectoryUnavailable):
        directory.check("ann", ANN)


WRONG = [
    ({"ldap.url": "ldap.example.com"}, "address"),
    ({"ldap.url": "http://ldap.example.com"}, "address"),
    ({"ldap.url": "ldaps://ann:hush@ldap.example.com"}, "address"),
    ({"ldap.url": "ldaps://ldap.example.com:port"}, "address"),
    ({"ldap.url": "ldaps://ldap.example.com/dc=example"}, "address"),
    ({"ldap.url": "ldap://ldap.example.com", "ldap.start_tls": False}, "plain text"),
    ({"ldap.bind_password": ""}, "both"),
    ({"ldap.bind_dn": ""}, "both"),
    ({"ldap.base": ""}, "ldap.base"),
    ({"ldap.user_filter": "(uid=ann)"}, "{name}"),
    ({"ldap.user_filter": "(uid={name}"}, "no filter"),
    ({"ldap.group_filter": "(member=x)"}, "{dn}"),
    ({"ldap.subject_attribute": "a b"}, "attribute"),
    ({"ldap.tls_ca": "/nowhere/ca.pem"}, "no file"),
    ({"ldap.groups": ["operators"]}, "operators"),
    ({"ldap.groups": ["=operators"]}, "operators"),
    ({"ldap.connect_seconds": 0.0}, "more than 0"),
]


@pytest.mark.parametrize(("wrong", "word"), WRONG)
def test_settings_that_cannot_work_stop_the_start(make: Make, wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(SetupError, match=re.escape(word)) as caught:
        make(wrong)

    assert "hush" not in str(caught.value)


def test_plain_text_is_spoken_where_it_is_asked_for(make: Make, slapd: Slapd) -> None:
    found = make({"ldap.url": f"ldap://127.0.0.1:{slapd.port}", "ldap.start_tls": False}).check("ann", ANN)

    assert found is not None
    make({"ldap.url": "ldap://ldap.example.com", "ldap.start_tls": False, "ldap.plain_text": True})


def test_secrets_are_not_shown(make: Make) -> None:
    assert "searcher-of-the-tests" not in repr(make({})._options)
