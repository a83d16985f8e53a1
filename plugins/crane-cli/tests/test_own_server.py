"""The server of this machine, which leaves a token for whoever may read its files."""

from __future__ import annotations

import json

import pytest

LIST = {"items": [], "total": 0}


@pytest.fixture
def left(home, server):
    """Where the server leaves the token, and the token in it."""
    path = home / ".local" / "share" / "crane" / "local-token"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"server": server.url, "token": "left-here"}))
    return path


@pytest.fixture
def asked(crane, server):
    """Ask for something; return what was sent as a proof of identity."""

    def act() -> str | None:
        server.plays("GET", "stacks", LIST)
        assert crane("stack", "ls").exit_code == 0
        return server.sent("GET", "stacks")[-1].headers.get("authorization")

    return act


def test_server_of_this_machine_needs_no_login(left, asked):
    assert asked() == "Bearer left-here"


def test_token_goes_to_no_other_address(left, asked):
    left.write_text(json.dumps({"server": "http://127.0.0.1:1", "token": "left-here"}))

    assert asked() is None


def test_login_wins_over_what_the_server_left(left, asked, monkeypatch):
    monkeypatch.setenv("CRANE_CLI_TOKEN", "mine")

    assert asked() == "Bearer mine"


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"server": 1}', '{"token": "left-here"}'])
def test_file_that_says_nothing_is_passed_over(left, asked, content):
    left.write_text(content)

    assert asked() is None
