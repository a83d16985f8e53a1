"""Logging in step by step: what the server wants is asked for at the terminal, which shows no secrets."""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

from crane_cli.api import Api
from crane_cli.errors import CliError, Refused, WrongUse
from crane_cli.session import Session
from crane_cli.visible import visible

# How often a code may be mistyped before the program gives up.
TRIES = 3
# How long somebody may take in the browser, in seconds.
BROWSER_SECONDS = 300


@dataclass(frozen=True)
class Wish:
    """How somebody wants to log in.

    :param name: Their name; asked for when empty.
    :param method: The way; chosen by the server's list when empty.
    :param setup_token: Makes the first administrator of a new server.
    :param password: Their password, where it was given on standard input.
    """

    name: str = ""
    method: str = ""
    setup_token: str = ""
    password: str = ""


def find_state(api: Api) -> Mapping[str, Any] | None:
    """Return how one logs in to a server; None when it knows nothing of logins, and wants a token."""
    try:
        state = api.get("auth", "state")
    except Refused as error:
        if error.status in (401, 403, 404):
            return None
        raise
    return state if isinstance(state, dict) else None


def log_in(session: Session, api: Api, state: Mapping[str, Any], wish: Wish) -> str:
    """Log in, and return the token of the session.

    :raises CliError: when the server does not let us in.
    """
    if not state.get("set_up") or wish.setup_token:
        answer = _set_up(api, wish)
    else:
        method = _choose(state, wish)
        if method.get("kind") == "redirect":
            answer = _by_browser(session, api, str(method["name"]))
        else:
            answer = _by_password(api, str(method["name"]), wish)
    return _go_on(session, api, answer)


def _set_up(api: Api, wish: Wish) -> Mapping[str, Any]:
    """Make the first administrator."""
    token = wish.setup_token
    if not token:
        click.echo("This server has no administrator yet. It said a setup token at its start.", err=True)
        token = _ask("Setup token", hidden=True)
    name = wish.name or _ask("Name of the administrator")
    password = wish.password or ask_new_password()
    body = {"token": token, "name": name, "password": password, "bearer": True}
    answer: Mapping[str, Any] = api.post("auth", "setup", body=body)
    return answer


def _choose(state: Mapping[str, Any], wish: Wish) -> Mapping[str, Any]:
    methods = [method for method in state.get("methods") or () if isinstance(method, dict)]
    wanted = wish.method
    if not wanted and (wish.name or wish.password or len(methods) == 1):
        return next((method for method in methods if method.get("kind") == "password"), methods[0])
    if not wanted:
        titles = ", ".join(f"{method.get('name')} ({method.get('title')})" for method in methods)
        click.echo(visible(f"Ways to log in: {titles}"), err=True)
        wanted = _ask("Which", default=str(methods[0].get("name")))
    for method in methods:
        if method.get("name") == wanted:
            return method
    names = ", ".join(str(method.get("name")) for method in methods)
    raise WrongUse(f"Nobody logs in by {wanted} there; there is {names}.")


def _by_password(api: Api, method: str, wish: Wish) -> Mapping[str, Any]:
    name = wish.name or _ask("Name")
    password = wish.password or _ask("Password", hidden=True)
    body = {"method": method, "name": name, "password": password, "bearer": True}
    answer: Mapping[str, Any] = api.post("auth", "login", body=body)
    return answer


def _go_on(session: Session, api: Api, answer: Mapping[str, Any]) -> str:
    """Take the steps that are left, and return the token at their end."""
    while answer.get("state") != "done":
        match answer.get("state"):
            case "second-factor":
                answer = _show_code(api, answer)
            case "enroll":
                answer = _enrol(api, answer)
            case "new-password":
                click.echo("Somebody else chose your password. Choose another one.", err=True)
                body = {"challenge": answer.get("challenge"), "password": ask_new_password()}
                answer = api.post("auth", "login", "new-password", body=body)
            case other:
                raise CliError(f"The server wants {other}, which this program does not know. Install a newer one.")
        for code in answer.get("recovery_codes") or ():
            session.note(f"Recovery code: {code}")
    token = answer.get("token")
    if not isinstance(token, str):
        raise CliError("The server gave no token, so it is none that this program knows.")
    return token


def _show_code(api: Api, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    if not {"totp", "recovery"} & set(answer.get("factors") or ()):
        raise CliError(
            "You log in with a passkey, which only a browser can show. Make a token there, and give it: "
            "crane login --token-stdin"
        )
    return _send_code(api, answer.get("challenge"), "Code of the authenticator, or a recovery code")


def _enrol(api: Api, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the authenticator without which nobody logs in there."""
    made = api.post("auth", "login", "totp", body={"challenge": answer.get("challenge")})
    click.echo("This server demands a second factor. Add this to an authenticator:", err=True)
    click.echo(visible(f"  {made.get('uri')}"), err=True)
    click.echo(visible(f"  or by hand the secret {made.get('secret')}"), err=True)
    return _send_code(api, made.get("challenge"), "Code that it shows")


def _send_code(api: Api, challenge: Any, question: str) -> Mapping[str, Any]:
    for left in reversed(range(TRIES)):
        body = {"challenge": challenge, "code": _ask(question, hidden=True)}
        try:
            answer: Mapping[str, Any] = api.post("auth", "login", "second-factor", body=body)
        except Refused as error:
            if error.code != "wrong-code" or not left:
                raise
            click.echo(visible(str(error.problem.get("detail") or "The code is wrong.")), err=True)
        else:
            return answer
    raise CliError("The code is wrong.")


# --- By a browser on this machine ---------------------------------------------------------------------------------


def _by_browser(session: Session, api: Api, method: str) -> Mapping[str, Any]:
    """Have somebody log in with the browser of this machine, which brings here what is exchanged for the token."""
    verifier = secrets.token_urlsafe(48)
    with _Waiting() as waiting:
        loopback = {"port": waiting.port, "proof": hashlib.sha256(verifier.encode()).hexdigest()}
        url = str(api.post("auth", "login", method, "start", body={"loopback": loopback}).get("url"))
        session.note(f"Log in with a browser on this machine: {url}")
        session.browse(url)
        brought = waiting.wait()
    if "error" in brought:
        raise CliError(brought.get("detail") or "The login was refused.")
    body = {"code": brought.get("code", ""), "verifier": verifier}
    answer: Mapping[str, Any] = api.post("auth", "login", "collect", body=body)
    return answer


class _Waiting:
    """A port of this machine that waits for a browser to come back once."""

    def __init__(self) -> None:
        brought: dict[str, str] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                found = dict(parse_qsl(parts.query))
                # Browsers ask for an icon too.
                if parts.path != "/" or not {"code", "error"} & set(found):
                    self.send_error(404)
                    return
                brought.update(found)
                said = b"You can close this page, and go on in the terminal.\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(said)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as the base class has it)
                pass

        self._brought = brought
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._server.timeout = BROWSER_SECONDS
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> _Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def wait(self) -> Mapping[str, str]:
        """Return what the browser brings.

        :raises CliError: when it does not come.
        """
        late: list[bool] = []
        self._server.handle_timeout = lambda: late.append(True)  # type: ignore[method-assign]
        while not self._brought:
            self._server.handle_request()
            if late:
                raise CliError(f"No browser came back within {BROWSER_SECONDS // 60} minutes.")
        return self._brought


# --- At the terminal ----------------------------------------------------------------------------------------------


def _ask(question: str, *, hidden: bool = False, default: str | None = None) -> str:
    if not sys.stdin.isatty():
        raise WrongUse(
            f"There is no terminal to ask for this: {question}. Give a token on standard input: "
            "crane login --token-stdin URL"
        )
    answer: str = click.prompt(question, hide_input=hidden, default=default, err=True)
    return answer


def read_line(what: str) -> str:
    """Read a token or a password from standard input.

    :raises WrongUse: There is none.
    """
    line = sys.stdin.readline().strip() if what == "token" else sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise WrongUse(f"Standard input holds no {what}.")
    return line


def ask_new_password() -> str:
    """Ask for a new password twice, without showing it.

    :raises WrongUse: There is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        raise WrongUse("There is no terminal to ask for a new password. Give it on standard input: --password-stdin")
    answer: str = click.prompt("New password", hide_input=True, confirmation_prompt="Again", err=True)
    return answer
