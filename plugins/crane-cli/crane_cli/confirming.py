"""Asking before something goes that does not come back.

Every command that destroys something takes ``--yes`` and asks at a terminal. Where there is no terminal, what takes
data or running tasks with it does nothing without ``--yes``; the rest goes on, as scripts expect.
"""

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
    if not yes and not sys.stdin.isatty():
        raise WrongUse("There is no terminal to ask at; say --yes if you are sure. Nothing was changed.")
    ask_at_terminal(question, yes=yes)


def ask_at_terminal(question: str, *, yes: bool) -> None:
    """Go on unless somebody at the terminal says no."""
    if not yes and sys.stdin.isatty():
        click.confirm(visible(question), abort=True, err=True)
