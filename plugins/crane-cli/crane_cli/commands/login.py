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


@click.command(cls=Command)
@click.argument("url", required=False, metavar="[URL]")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.pass_obj
def login(session: Session, url: str | None, *, token_stdin: bool) -> None:
    """Log in to a server: check it, and remember it and the token.

    The token is asked for at the terminal, or read from standard input. Both are kept in a file that only you can read.
    """
    from crane_cli import logins
    from crane_cli.api import Api, is_far, normalise_address

    address = normalise_address(url or session.server or os.environ.get(SERVER_VARIABLE) or DEFAULT_SERVER)
    # Where the token is used later is another folder than this one.
    ca = os.path.abspath(session.ca) if session.ca else None
    token = sys.stdin.readline().strip() if token_stdin else session.token or os.environ.get(TOKEN_VARIABLE)
    if token_stdin and not token:
        raise WrongUse("Standard input holds no token.")
    api = Api(address, token, ca)
    try:
        identity = api.get("whoami")
    except Refused as error:
        if error.status != 401 or token:
            raise _explain(error, address) from error
        token = _ask_for_token(address)
        identity = _whoami(Api(address, token, ca), address)
    if token and address.startswith("http://") and is_far(address):
        session.warn(f"The token is sent to {address} unencrypted; use https.")
    path = logins.write(logins.read().having(address, logins.Login(token, ca)))
    name = identity.get("name") if isinstance(identity, dict) else None
    click.echo(f"Logged in to {visible(address)} as {visible(name)}. This is kept in {visible(path)}.")


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
    logins.write(known.without(address))
    click.echo(f"Logged out of {visible(address)}.")
