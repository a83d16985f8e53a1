"""crane login and crane logout: which server commands go to, and as whom."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from crane_cli.command import Command
from crane_cli.errors import CliError, Refused, WrongUse
from crane_cli.session import DEFAULT_SERVER, SERVER_VARIABLE, TOKEN_VARIABLE, Session
from crane_cli.visible import visible

if TYPE_CHECKING:
    from crane_cli.api import Api
    from crane_cli.asking import Wish
    from crane_cli.logins import Login

# What the tokens of sessions begin with.
SESSION_PREFIX = "crane_session_"


@click.command(cls=Command)
@click.argument("url", required=False, metavar="[URL]")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option("--name", default="", help="Log in with this name and a password.")
@click.option("--method", default="", help="The way to log in, as the server calls it: password, oidc, ldap ...")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--setup-token", default="", help="Make the first administrator of a new server with this token.")
@click.pass_obj
def login(
    session: Session,
    url: str | None,
    *,
    token_stdin: bool,
    name: str,
    method: str,
    password_stdin: bool,
    setup_token: str,
) -> None:
    """Log in to a server: check it, and remember it and the token.

    Name, password and second factor are asked for at the terminal; with an identity provider, a browser opens. A token
    is asked for, or read from standard input. What is remembered is kept in a file that only you can read.
    """
    from crane_cli import logins
    from crane_cli.api import Api, is_far, normalise_address
    from crane_cli.asking import Wish, read_line

    address = normalise_address(url or session.server or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER)
    # Where the token is used later is another folder than this one.
    ca = os.path.abspath(session.ca) if session.ca else None
    if token_stdin and password_stdin:
        raise WrongUse("Standard input holds one line: say either --token-stdin or --password-stdin.")
    token = read_line("token") if token_stdin else session.token or os.environ.get(TOKEN_VARIABLE)
    wish = Wish(name, method, setup_token, read_line("password") if password_stdin else "")
    api = Api(address, token, ca)
    if wish != Wish():
        if address.startswith("http://") and is_far(address):
            session.warn(f"What you type is sent to {address} unencrypted; use https.")
        token = _log_in(session, Api(address, None, ca), wish)
        identity = _whoami(Api(address, token, ca), address)
    else:
        try:
            identity = api.get("whoami")
        except Refused as error:
            if error.status != 401 or token:
                raise _explain(error, address) from error
            identity = None
        if identity is None or (isinstance(identity, dict) and identity.get("kind") == "nobody"):
            token = _log_in(session, api, wish)
            identity = _whoami(Api(address, token, ca), address)
    if token and address.startswith("http://") and is_far(address):
        session.warn(f"The token is sent to {address} unencrypted; use https.")
    path = logins.write(logins.read().having(address, logins.Login(token, ca)))
    who = identity.get("name") if isinstance(identity, dict) else None
    click.echo(f"Logged in to {visible(address)} as {visible(who)}. This is kept in {visible(path)}.")


def _log_in(session: Session, api: Api, wish: Wish) -> str:
    """Log in as the server wants it: step by step, or by a token that another plugin gave out."""
    from crane_cli import asking

    state = asking.find_state(api)
    if state is not None:
        return asking.log_in(session, api, state, wish)
    return _ask_for_token(api.server)


def _ask_for_token(address: str) -> str:
    if not sys.stdin.isatty():
        raise WrongUse(f"{address} wants a token. Give it on standard input: crane login --token-stdin {address}")
    token: str = click.prompt("Token", hide_input=True, err=True)
    return token.strip()


def _whoami(api: Api, address: str) -> object:
    try:
        return api.get("whoami")
    except Refused as error:
        raise _explain(error, address) from error


def _explain(error: Refused, address: str) -> CliError:
    if error.status in (401, 403):
        return CliError(f"{address} does not accept this token; nothing was kept.")
    return error


@click.command(cls=Command)
@click.argument("url", required=False, metavar="[URL]")
@click.pass_obj
def logout(session: Session, url: str | None) -> None:
    """Forget a server and its token; without a URL the one that commands go to."""
    from crane_cli import logins
    from crane_cli.api import normalise_address

    known = logins.read()
    named = url or session.server or known.server
    if named is None:
        raise CliError("You are not logged in to any server.")
    address = normalise_address(named)
    if address not in known.servers:
        raise CliError(f"You are not logged in to {address}.")
    _end_session(session, address, known.servers[address])
    logins.write(known.without(address))
    click.echo(f"Logged out of {visible(address)}.")


def _end_session(session: Session, address: str, login: Login) -> None:
    """End a session on the server as well; an API token goes on, because others may use it."""
    from crane_cli.api import Api

    if not (login.token or "").startswith(SESSION_PREFIX):
        return
    try:
        Api(address, login.token, login.ca).send("POST", "auth", "logout", body={})
    except CliError as error:
        if not isinstance(error, Refused) or error.status != 401:
            session.warn(f"The session was not ended on the server, where it goes on until it expires. {error.message}")
