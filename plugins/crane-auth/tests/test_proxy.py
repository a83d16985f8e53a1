"""A proxy that vouches for callers: believed from its own address, and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from crane_auth.outside.proxy import Proxy
from crane_auth.testing import Browser

from crane_core.context import Crane
from crane_core.errors import SetupError

Visitors = Callable[..., Browser]


def test_header_means_nothing_unless_set(ann: Browser, visitor: Visitors) -> None:
    assert visitor(headers={"X-Forwarded-User": "ann", "Remote-User": "ann"}).name == "nobody"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"auth.proxy_header": "X-User"}, "proxy_addresses names no proxy"),
        ({"auth.proxy_addresses": ["here"]}, "no address and no network"),
    ],
)
def test_settings_that_cannot_be_meant_stop_the_server(crane: Crane, changed: dict[str, Any], says: str) -> None:
    with pytest.raises(SetupError, match=says):
        Proxy(replace(crane, settings={**crane.settings, **changed}))  # type: ignore[arg-type]


class TestProxy:
    """A server behind a proxy that authenticates."""

    @pytest.fixture
    def more_settings(self) -> dict[str, Any]:
        return {
            "auth.proxy_header": "X-User",
            "auth.proxy_groups_header": "X-Groups",
            "auth.proxy_addresses": ["10.0.0.0/24", "fd00::1"],
        }

    @pytest.mark.parametrize("address", ["10.0.0.7", "fd00::1", "::ffff:10.0.0.7"])
    def test_caller_is_who_the_proxy_says(self, ann: Browser, visitor: Visitors, address: str) -> None:
        dave = visitor(address=address, headers={"X-User": "dave"})

        assert (dave.name, dave.name) == ("dave", "dave")
        state = dave.ask("GET", "auth/state", status=200)
        assert (state["account"]["name"], state["session"]) == ("dave", None)

    @pytest.mark.parametrize("address", ["10.0.1.7", "192.0.2.1", "127.0.0.1", "fd00::2", "not an address"])
    def test_header_from_anywhere_else_means_nothing(self, ann: Browser, visitor: Visitors, address: str) -> None:
        eve = visitor(address=address, headers={"X-User": "ann"})

        assert eve.name == "nobody"
        assert eve.ask("GET", "auth/me").status_code == 401

    @pytest.mark.parametrize("value", ["", " ", "dave,ann"])
    def test_header_that_names_nobody_means_nothing(self, ann: Browser, visitor: Visitors, value: str) -> None:
        assert visitor(address="10.0.0.7", headers={"X-User": value}).name == "nobody"

    def test_account_of_this_server_is_not_taken_over(self, ann: Browser, visitor: Visitors) -> None:
        answer = visitor(address="10.0.0.7", headers={"X-User": "ann"}).ask("GET", "whoami")

        assert (answer.status_code, answer.json["code"]) == (409, "account-name-taken")

    def test_token_counts_before_what_the_proxy_says(self, ann: Browser, visitor: Visitors) -> None:
        ann.address, ann.headers = "10.0.0.7", {"X-User": "dave"}
        token = visitor().log_in(bearer=True)["token"]

        assert visitor(address="10.0.0.7", headers={"X-User": "dave"}, token=token).name == "ann"

    def test_disabled_account_is_out_at_once(self, ann: Browser, visitor: Visitors) -> None:
        dave = visitor(address="10.0.0.7", headers={"X-User": "dave"})
        assert dave.name == "dave"

        ann.ask("PATCH", "users/dave", {"disabled": True}, 200)

        assert dave.ask("GET", "whoami").status_code == 401

    @pytest.mark.parametrize(
        ("connection", "told", "address"),
        [
            ("10.0.0.7", "198.51.100.3", "198.51.100.3"),
            ("10.0.0.7", "203.0.113.9, 198.51.100.3", "198.51.100.3"),
            ("10.0.0.7", "203.0.113.9, 198.51.100.3, 10.0.0.8", "198.51.100.3"),
            ("10.0.0.7", "nonsense", "10.0.0.7"),
            ("10.0.0.7", "", "10.0.0.7"),
            ("192.0.2.1", "198.51.100.3", "192.0.2.1"),
        ],
    )
    def test_address_is_what_a_believed_proxy_says(
        self, ann: Browser, visitor: Visitors, connection: str, told: str, address: str
    ) -> None:
        browser = visitor(address=connection, headers={"X-Forwarded-For": told})
        browser.log_in()

        assert ann.ask("GET", "auth/me/sessions?sort=-created_at", status=200)["items"][0]["address"] == address
