"""crane-server auth: for the operator who is locked out."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from crane_core.errors import CraneError, SetupError

if TYPE_CHECKING:
    from crane_core.context import Crane


@click.group()
def auth() -> None:
    """Let somebody in who is locked out; whoever may run this may read the database anyway."""


@contextmanager
def _opened() -> Iterator[Crane]:
    """Build the server without starting it, with its database and accounts; errors are one line."""
    import crane_accounts
    import crane_database

    from crane_core.cli import build

    app = build()
    with app.app_context():
        try:
            crane_database.crane_startup(app)
            # From here on a server that runs is told of what changes.
            crane_accounts.crane_startup(app)
            yield app.extensions["crane"]
        except SetupError:
            raise
        except CraneError as error:
            raise SetupError(error.detail) from error
        finally:
            app.extensions["crane"].events.stop()
            crane_database.crane_shutdown(app)


@auth.command("reset-password")
@click.argument("name")
@click.option("--keep-second-factor", is_flag=True, help="Leave the second factors as they are.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, and do not make one.")
def reset_password(name: str, *, keep_second_factor: bool, password_stdin: bool) -> None:
    """Give an account a new password, which must be changed at its next login; end its sessions.

    The password is made and printed. Second factors are taken away, because who is locked out may have lost them.
    """
    from crane_accounts import get_account

    from crane_auth.factors.operations import remove_all
    from crane_auth.passwords.operations import set_password
    from crane_auth.sessions.operations import revoke_all

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _make_password()
    with _opened() as crane:
        account = get_account(name)
        set_password(crane, account, password, must_change=True)
        if not keep_second_factor:
            remove_all(crane, account, "local")
        revoke_all(crane, account.id)
    click.echo(f"The password of {account.name} is set" + ("." if password_stdin else f": {password}"))
    click.echo("Another one must be chosen at the next login.")


@auth.command("make-admin")
@click.argument("name")
def make_admin(name: str) -> None:
    """Let an account do everything, whatever was withheld from it."""
    from crane_accounts import make_admin as grant_everything

    with _opened():
        account = grant_everything(name)
    click.echo(f"{account.name} may do everything.")


@auth.command("setup-token")
def setup_token() -> None:
    """Print a new address for the first start, while there is no administrator."""
    from crane_auth.setup import offer_setup, setup_url

    with _opened() as crane:
        token = offer_setup(crane)
        if token is None:
            raise SetupError("There is an administrator already. See crane-server auth reset-password and make-admin.")
        click.echo(setup_url(crane, token))


def _make_password() -> str:
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(5))
