"""crane login with a name, a second factor, a setup token, or a browser; and crane token."""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import pty
import subprocess
import sys
import threading
import urllib.request
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from crane_cli.main import cli
from crane_cli.session import Session

PASSWORD = {"name": "password", "title": "Password", "kind": "password"}
OIDC = {"name": "oidc", "title": "Single sign-on", "kind": "redirect"}
SESSION = "crane_session_1"
DONE = {"state": "done", "token": SESSION, "recovery_codes": [], "factors": [], "challenge": None}


@pytest.fixture
def kept(home):
    return home / ".config" / "crane" / "cli.json"


@pytest.fixture
def asks(server):
    """A server that asks for a login."""

    def whoami(request):
        if request.headers.get("authorization") == f"Bearer {SESSION}":
            return 200, {"name": "ann", "kind": "user"}
        return 200, {"name": "nobody", "kind": "nobody"}

    server.plays("GET", "whoami", whoami)
    server.plays("GET", "auth/state", {"set_up": True, "methods": [PASSWORD]})
    server.plays("POST", "auth/login", DONE)
    return server


def at_terminal(*arguments, typed):
    """Run the program at a terminal; answer each question, and return its status and what was to be seen."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "crane_cli.main", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=dict(os.environ), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    # What comes at a time may end within a letter.
    decode = codecs.getincrementaldecoder("utf-8")().decode
    seen = ""
    for question, answer in typed:
        begun = len(seen)
        while question not in seen[begun:]:
            seen += decode(os.read(ours, 4096))
        os.write(ours, f"{answer}\n".encode())
    while True:
        try:
            if not (more := os.read(ours, 4096)):
                break
            seen += decode(more)
        except OSError:
            break
    os.close(ours)
    return program.wait(), seen


def test_name_and_password_are_asked_for_and_the_session_is_kept(asks, kept):
    status, seen = at_terminal("login", asks.url, typed=[("Name:", "ann"), ("Password:", " hunter2 ")])

    assert (status, "hunter2" in seen) == (0, False)
    assert asks.sent("POST", "auth/login")[0].body == {
        "method": "password", "name": "ann", "password": " hunter2 ", "bearer": True,
    }  # fmt: skip
    assert json.loads(kept.read_text())["servers"][asks.url] == {"token": SESSION}


def test_password_comes_from_standard_input(crane, asks, kept):
    result = crane("login", "--name", "ann", "--password-stdin", asks.url, input="hunter2\n")

    assert (result.exit_code, "as ann" in result.stdout) == (0, True)
    assert asks.sent("POST", "auth/login")[0].body["password"] == "hunter2"
    assert "authorization" not in asks.sent("POST", "auth/login")[0].headers


def test_wrong_password_is_not_kept(crane, asks, kept):
    asks.plays(
        "POST", "auth/login", (401, {"code": "wrong-credentials", "detail": "The name or the password is wrong."})
    )

    result = crane("login", "--name", "ann", "--password-stdin", asks.url, input="wrong\n")

    assert (result.exit_code, kept.exists()) == (1, False)
    assert "The name or the password is wrong." in result.stderr


def test_without_terminal_it_is_said_how_to_log_in(crane, asks, kept):
    result = crane("login", asks.url)

    assert (result.exit_code, kept.exists()) == (2, False)
    assert "crane login --token-stdin" in result.stderr


def test_second_factor_is_asked_for_until_it_is_right(asks):
    asks.plays("POST", "auth/login", {"state": "second-factor", "challenge": "c", "factors": ["totp"]})
    wrong = (401, {"code": "wrong-code", "detail": "The code is wrong."})
    asks.plays("POST", "auth/login/second-factor", wrong, DONE)

    status, seen = at_terminal(
        "login", "--name", "ann", asks.url,
        typed=[("Password:", "hunter2"), ("recovery code:", "111111"), ("recovery code:", "222222")],
    )  # fmt: skip

    assert (status, "The code is wrong." in seen, "222222" in seen) == (0, True, False)
    sent = [request.body for request in asks.sent("POST", "auth/login/second-factor")]
    assert sent == [{"challenge": "c", "code": "111111"}, {"challenge": "c", "code": "222222"}]


def test_passkey_alone_needs_a_browser(crane, asks):
    asks.plays("POST", "auth/login", {"state": "second-factor", "challenge": "c", "factors": ["passkey"]})

    result = crane("login", "--name", "ann", "--password-stdin", asks.url, input="x\n")

    assert (result.exit_code, "crane login --token-stdin" in result.stderr) == (1, True)


def test_first_administrator_is_made_with_the_setup_token(asks):
    asks.plays("GET", "auth/state", {"set_up": False, "methods": [PASSWORD]})
    asks.plays("POST", "auth/setup", (201, {**DONE, "recovery_codes": ["abc-def"]}))

    status, seen = at_terminal(
        "login", asks.url,
        typed=[
            ("Setup token:", "s3cret-setup"), ("Name of the administrator:", "ann"),
            ("New password:", "hunter2 and more"), ("Again:", "hunter2 and more"),
        ],
    )  # fmt: skip

    assert status == 0
    assert asks.sent("POST", "auth/setup")[0].body == {
        "token": "s3cret-setup", "name": "ann", "password": "hunter2 and more", "bearer": True,
    }  # fmt: skip
    assert not {"s3cret-setup", "hunter2"} & set(seen.split())


def test_second_factor_that_is_demanded_is_added_at_the_terminal(asks):
    asks.plays("POST", "auth/login", {"state": "enroll", "challenge": "c", "factors": []})
    made = {"challenge": "c", "secret": "ABC", "uri": "otpauth://totp/Crane:ann?secret=ABC"}
    asks.plays("POST", "auth/login/totp", made)
    asks.plays("POST", "auth/login/second-factor", {**DONE, "recovery_codes": ["abc-def", "ghi-jkl"]})

    status, seen = at_terminal(
        "login", "--name", "ann", asks.url, typed=[("Password:", "x"), ("Code that it shows:", "123456")]
    )

    assert status == 0
    assert all(each in seen for each in ("otpauth://totp/Crane:ann?secret=ABC", "abc-def", "ghi-jkl"))


def test_password_that_somebody_else_chose_is_changed(asks):
    asks.plays("POST", "auth/login", {"state": "new-password", "challenge": "c", "factors": []})
    asks.plays("POST", "auth/login/new-password", DONE)

    status, _ = at_terminal(
        "login", "--name", "ann", asks.url,
        typed=[("Password:", "old"), ("New password:", "a new one"), ("Again:", "a new one")],
    )  # fmt: skip

    assert status == 0
    assert asks.sent("POST", "auth/login/new-password")[0].body == {"challenge": "c", "password": "a new one"}


def test_browser_brings_what_is_exchanged_for_the_token(asks, kept, home):
    asks.plays("GET", "auth/state", {"set_up": True, "methods": [PASSWORD, OIDC]})
    asks.plays("POST", "auth/login/oidc/start", {"url": "https://login.example/authorize"})
    asks.plays("POST", "auth/login/collect", DONE)
    came = []

    def browse(url):
        port = asks.sent("POST", "auth/login/oidc/start")[0].body["loopback"]["port"]

        def come_back():
            address = f"http://127.0.0.1:{port}"
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{address}/favicon.ico")
            came.append(urllib.request.urlopen(f"{address}/?{urlencode({'code': 'brought'})}").read())

        thread = threading.Thread(target=come_back)
        thread.start()
        came.append(thread)

    session = Session(server=asks.url, browse=browse)
    result = CliRunner().invoke(cli, ["login", "--method", "oidc", asks.url], obj=session, prog_name="crane")
    came[0].join()

    assert (result.exit_code, "https://login.example/authorize" in result.stderr) == (0, True)
    assert b"close this page" in came[1]
    proof = asks.sent("POST", "auth/login/oidc/start")[0].body["loopback"]["proof"]
    collected = asks.sent("POST", "auth/login/collect")[0].body
    assert collected["code"] == "brought"
    assert hashlib.sha256(collected["verifier"].encode()).hexdigest() == proof
    assert json.loads(kept.read_text())["servers"][asks.url] == {"token": SESSION}


def test_browser_brings_why_it_was_refused(asks, kept):
    asks.plays("GET", "auth/state", {"set_up": True, "methods": [PASSWORD, OIDC]})
    asks.plays("POST", "auth/login/oidc/start", {"url": "https://login.example/authorize"})
    threads = []

    def browse(url):
        port = asks.sent("POST", "auth/login/oidc/start")[0].body["loopback"]["port"]
        query = urlencode({"error": "login-refused", "detail": "It was refused."})
        threads.append(
            threading.Thread(target=lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/?{query}").read())
        )
        threads[0].start()

    result = CliRunner().invoke(cli, ["login", "--method", "oidc", asks.url], obj=Session(browse=browse))
    threads[0].join()

    assert (result.exit_code, "It was refused." in result.stderr, kept.exists()) == (1, True, False)


def test_way_to_log_in_that_there_is_not_is_refused(crane, asks):
    result = crane("login", "--method", "ldap", asks.url)

    assert (result.exit_code, "there is password" in result.stderr) == (2, True)


def test_logout_ends_the_session_on_the_server(crane, asks, kept):
    crane("login", "--name", "ann", "--password-stdin", asks.url, input="x\n")
    asks.plays("POST", "auth/logout", {})

    assert crane("logout").exit_code == 0
    assert asks.sent("POST", "auth/logout")[0].headers["authorization"] == f"Bearer {SESSION}"


def test_logout_forgets_a_server_that_does_not_answer(crane, asks, kept):
    crane("login", "--name", "ann", "--password-stdin", asks.url, input="x\n")
    asks.plays("POST", "auth/logout", (503, {"code": "engine-unavailable", "detail": "Not now."}))

    result = crane("logout")

    assert (result.exit_code, "was not ended on the server" in result.stderr) == (0, True)
    assert json.loads(kept.read_text())["servers"] == {}


def test_whoami_says_who_the_server_takes_one_for(crane, asks):
    asks.plays("GET", "whoami", {"name": "ci", "kind": "service", "version": "1", "actions": ["stack:read"]})

    result = crane("whoami", "--actions")

    assert result.stdout == f"ci (the account of a program) at {asks.url}\nstack:read\n"


TOKEN = {
    "id": "0123456789abcdef", "name": "ci", "account": "ann", "actions": ["stack:read"], "stacks": None,
    "used_at": None, "expires_at": None, "expired": False,
}  # fmt: skip


def test_token_is_printed_alone(crane, asks):
    asks.plays("POST", "auth/me/tokens", (201, {**TOKEN, "token": "crane_abc"}))

    result = crane("token", "create", "ci", "--action", "stack:read", "--stack", "shop-*", "--days", "30")

    assert (result.exit_code, result.stdout) == (0, "crane_abc\n")
    assert asks.sent("POST", "auth/me/tokens")[0].body == {
        "name": "ci", "actions": ["stack:read"], "stacks": ["shop-*"], "days": 30,
    }  # fmt: skip


def test_token_of_a_service_account_is_made_by_an_admin(crane, asks):
    asks.plays("POST", "tokens", (201, {**TOKEN, "account": "ci", "token": "crane_abc"}))

    assert crane("token", "create", "ci", "--account", "ci").stdout == "crane_abc\n"
    assert asks.sent("POST", "tokens")[0].body == {
        "name": "ci", "actions": None, "stacks": None, "days": None, "account": "ci",
    }  # fmt: skip


def test_tokens_are_listed(crane, asks):
    asks.plays("GET", "auth/me/tokens", {"items": [TOKEN], "total": 1})
    asks.plays("GET", "tokens", {"items": [], "total": 0})

    assert crane("token", "ls").stdout.splitlines()[1].split() == [
        "0123456789abcdef", "ci", "ann", "stack:read", "all", "never", "never",
    ]  # fmt: skip
    assert crane("token", "ls", "-q").stdout == "0123456789abcdef\n"
    assert "There are no tokens." in crane("token", "ls", "--all").stderr


def test_tokens_are_revoked(crane, asks):
    asks.plays("DELETE", "auth/me/tokens/a1", {})
    asks.plays("DELETE", "tokens/b2", {})

    assert crane("token", "rm", "a1").stdout == "a1\n"
    assert crane("token", "rm", "--all", "b2").stdout == "b2\n"
    assert crane("token", "rm", "c3").exit_code == 1
