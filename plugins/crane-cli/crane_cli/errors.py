"""What can go wrong on the command line, and the exit status of each.

::

    CliError               1   the server refused, failed or does not answer
    ├── Unreachable        1   no connection could be made
    ├── Dropped            1   the connection ended before the answer did
    │   └── Quiet          1   nothing came over it for long
    ├── Refused            1   the server answered with a problem
    │   └── NotAccepted    2   what was sent cannot be done as it stands
    ├── WrongUse           2   the command or the files were wrong
    ├── Unknown            3   nobody knows how it ends
    └── Interrupted      130   the user stopped looking
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import click

from crane_cli.visible import visible

CONVERGED, NOT_CONVERGED, WRONG_USE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130

EXIT_STATUSES: Mapping[int, str] = {
    CONVERGED: "What was asked for is done; a deployment has converged.",
    NOT_CONVERGED: "A deployment was paused, rolled back or failed; or the server refused, failed or does not answer.",
    WRONG_USE: "The command was used wrongly, or a file was refused; nothing has changed.",
    UNDECIDED: "The operation timed out, or nobody knows yet how it ended.",
    INTERRUPTED: "Interrupted while following; the operation goes on.",
}


class CliError(click.ClickException):
    """Something that one or more sentences on standard error explain."""

    exit_code = NOT_CONVERGED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentences, with nothing in them that a terminal would carry out."""
        lines = f"Error: {self.message}".split("\n")
        click.echo("\n".join(visible(line) for line in lines), file=file, err=file is None)


class Unreachable(CliError):
    """No connection to the server could be made."""


class Dropped(CliError):
    """The connection ended before the answer did."""


class WrongUse(CliError):
    """The command was used wrongly, or a file cannot be sent."""

    exit_code = WRONG_USE


class Unknown(CliError):
    """Nobody knows (yet) how it ends."""

    exit_code = UNDECIDED


class Interrupted(CliError):
    """The user stopped looking; what was started goes on."""

    exit_code = INTERRUPTED


class Quiet(Dropped):
    """Nothing came over the connection for long."""


class Refused(CliError):
    """The server answered with a problem.

    :param status: The HTTP status.
    :param problem: The problem details that were sent, empty where there were none.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        detail = problem.get("detail") or problem.get("title") or f"The server answered with status {status}."
        violations = [describe(violation) for violation in problem.get("errors") or ()]
        if len(violations) == 1 and violations[0].endswith(str(detail)):
            # The only violation says what the whole does, and where.
            sentences = violations
        else:
            sentences = [str(detail), *(f"  {violation}" for violation in violations)]
        if advice := ADVICE.get(status):
            sentences.append(advice)
        super().__init__("\n".join(sentences))


class NotAccepted(Refused):
    """What was sent cannot be done as it stands."""

    exit_code = WRONG_USE


def refuse(status: int, problem: Mapping[str, Any]) -> Refused:
    """Return the error that a problem stands for."""
    return (NotAccepted if status in (400, 422) else Refused)(status, problem)


ADVICE: Mapping[int, str] = {
    401: "Log in with: crane login URL",
    403: "The token you use does not allow this. Log in as somebody who may: crane login URL",
}


def describe(violation: Mapping[str, Any]) -> str:
    """Say where a violation or a warning stands and what it says, as in ``stack.yml:3: /services/web: ...``."""
    where = str(violation.get("file") or "")
    if violation.get("line"):
        where = f"{where or 'line '}{':' if where else ''}{violation['line']}"
    parts = [where, str(violation.get("pointer") or violation.get("path") or ""), str(violation.get("detail") or "")]
    return ": ".join(part for part in parts if part)
