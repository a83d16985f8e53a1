"""What only a server with the plugin crane-history can answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crane_cli.errors import CliError, Refused, WrongUse

_NO_ROUTE = "There is nothing under this address"


class NoHistory(CliError):
    """The server does not have the plugin."""


@contextmanager
def asking_history() -> Iterator[None]:
    """Say so where the server has no history.

    :raises NoHistory: The server does not know what it is asked for.
    """
    try:
        yield
    except Refused as error:
        if error.status == 404 and str(error.problem.get("detail", "")).startswith(_NO_ROUTE):
            raise NoHistory("This server keeps no history. Install the plugin crane-history on it.") from error
        raise


def parse_revision(text: str) -> tuple[str, int | None]:
    """Read a stack with or without a revision.

    >>> parse_revision("shop@12"), parse_revision("shop")
    (('shop', 12), ('shop', None))

    :raises WrongUse: What follows the @ is no number.
    """
    stack, sign, number = text.partition("@")
    if not sign:
        return stack, None
    if not stack or not number.isascii() or not number.isdecimal() or int(number) < 1:
        raise WrongUse(f"{text} is no revision; write a stack and its number, as in shop@12.")
    return stack, int(number)
