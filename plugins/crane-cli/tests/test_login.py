"""crane login and crane logout: what is kept, where, and who it is sent to."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys

import pytest

WHOAMI = {"name": "ann", "kind": "user"}
LIST = {"items": [], "total": 0}


def wants_token(request):
    if request.headers.get("authorization") == "Bearer hunter2":
        return 200, WHOAMI
    return 401, {"code": "unauthenticated", "detail": "Log in first."}


@pytest.fixture
def kept(home):
    return home / ".config" / "crane" / "cli.json"


def test_token_from_standard_input_is_kept_where_only_its_owner_reads_it(crane, server, kept, monkeypatch):
    server.plays("GET", "whoami", wants_token)
    before = os.umask(0)

    result = crane("login", "--token-stdin", server.url, input="hunter2\n")
    os.umask(before)

    assert result.exit_code == 0
    assert "Logged in to" in result.stdout
    assert "as ann" in result.stdout
    assert "hunter2" not in result.output
    assert json.loads(kept.read_text()) == {"server": server.url, "servers": {server.url: {"token": "hunter2"}}}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [path.name for path in kept.parent.iterdir()] == ["cli.json"]


def test_commands_go_to_the_server_logged_in_to_with_its_token(crane, server, monkeypatch):
    server.plays("GET", "whoami", wants_token)
    server.plays("GET", "stacks", LIST)
    crane("login", "--token-stdin", server.url, input="hunter2\n")
    monkeypatch.delenv("CRANE_CLI_SERVER")

    crane("stack", "ls")

    assert server.sent("GET", "stacks")[0].headers["authorization"] == "Bearer hunter2"


def test_token_is_not_sent_to_another_server(crane, server, monkeypatch):
    server.plays("GET", "whoami", wants_token)
    server.plays("GET", "stacks", LIST)
    crane("login", "--token-stdin", server.url, input="hunter2\n")

    crane("--server", server.url.replace("127.0.0.1", "localhost"), "stack", "ls")

    assert "authorization" not in server.sent("GET", "stacks")[0].headers


def test_open_server_needs_no_token(crane, server, kept):
    server.plays("GET", "whoami", {"name": "local", "kind": "local"})

    assert crane("login", server.url).exit_code == 0
    assert json.loads(kept.read_text()) == {"server": server.url, "servers": {server.url: {}}}


def test_wrong_token_is_not_kept(crane, server, kept):
    server.plays("GET", "whoami", wants_token)

    result = crane("login", "--token-stdin", server.url, input="wrong\n")

    assert (result.exit_code, kept.exists()) == (1, False)
    assert "does not accept this token; nothing was kept" in result.stderr
    assert "wrong" not in result.output


def test_without_terminal_the_token_must_be_given(crane, server, kept):
    server.plays("GET", "whoami", wants_token)

    result = crane("login", server.url)

    assert (result.exit_code, kept.exists()) == (2, False)
    assert "crane login --token-stdin" in result.stderr


def test_token_is_asked_for_and_not_shown_at_a_terminal(server, kept):
    server.plays("GET", "whoami", wants_token)
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "crane_cli.main", "login", server.url],
        stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"Token:" not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, b"hunter2\n")
    while True:
        try:
            if not (more := os.read(ours, 4096)):
                break
            seen += more
        except OSError:
            break
    os.close(ours)

    assert program.wait() == 0
    assert b"hunter2" not in seen
    assert json.loads(kept.read_text())["servers"][server.url]["token"] == "hunter2"


def test_logout_forgets_the_server_and_its_token(crane, server, kept):
    server.plays("GET", "whoami", WHOAMI)
    crane("login", "--token-stdin", server.url, input="hunter2\n")

    assert crane("logout").exit_code == 0
    assert json.loads(kept.read_text()) == {"server": None, "servers": {}}
    assert crane("logout").exit_code == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"servers": 1}', '{"servers": {"http://x": 1}}'])
def test_broken_file_is_told(crane, server, kept, content):
    kept.parent.mkdir(parents=True)
    kept.write_text(content)

    result = crane("stack", "ls")

    assert (result.exit_code, f"{kept} is broken. Remove it" in result.stderr) == (1, True)


def test_variable_gives_the_token(crane, server, monkeypatch):
    monkeypatch.setenv("CRANE_CLI_TOKEN", "from-variable")
    server.plays("GET", "stacks", LIST)

    crane("stack", "ls")

    assert server.requests[0].headers["authorization"] == "Bearer from-variable"


def test_unencrypted_token_to_another_machine_is_warned_of(crane, server):
    result = crane("--server", "http://crane.invalid", "--token", "t", "stack", "ls")

    assert "Warning: The token is sent to http://crane.invalid unencrypted; use https." in result.stderr
