"""Asking before something goes that does not come back."""

from __future__ import annotations

import sys

import click

from crane_cli.errors import WrongUse
from crane_cli.visible import visible

yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def make_sure(question: str, *, yes: bool) -> None:
    """Go on only if somebody says yes, on the command line or at the terminal.

    :raises WrongUse: There is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse("There is no terminal to ask at; say --yes if you are sure. Nothing was changed.")
    click.confirm(visible(question), abort=True, err=True)
