"""Contents of configs and secrets: read from a file or from standard input, never from the command line."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable

from crane_cli.errors import CliError, WrongUse

STDIN = "-"


def read(path: str) -> dict[str, str]:
    """Return the member of a request that holds a content: others see a command line, so that it is never there.

    :param path: A file, or ``-`` for standard input.
    :raises WrongUse: Nobody pipes anything in, or there is no such file.
    """
    if path == STDIN and sys.stdin.isatty():
        raise WrongUse("Name a file, or pipe the content in, as in: crane secret create key - < key.pem")
    try:
        if path == STDIN:
            raw = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                raw = file.read()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.") from error
    if not raw:
        raise CliError(f"There is nothing in {'standard input' if path == STDIN else path}; nothing was changed.")
    return {"data": base64.b64encode(raw).decode()}


def read_labels(told: Iterable[str]) -> dict[str, str]:
    """Return labels that are written as ``NAME=VALUE``; without a value it is empty.

    :raises WrongUse: One has no name.
    """
    labels = {}
    for each in told:
        name, _, value = each.partition("=")
        if not name:
            raise WrongUse(f"{each} is no label; write it as in tier=front.")
        labels[name] = value
    return labels
