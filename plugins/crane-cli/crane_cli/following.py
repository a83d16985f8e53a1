"""Follow an operation until it ends, and say how it did.

A connection that drops changes nothing about the operation: it is looked for again by its id, with growing pauses. Who
stops looking is told how to look again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from crane_cli.api import Api
from crane_cli.errors import (
    CONVERGED,
    NOT_CONVERGED,
    UNDECIDED,
    CliError,
    Dropped,
    Interrupted,
    Quiet,
    Refused,
    Unknown,
    Unreachable,
    describe,
)
from crane_cli.progress import View, open_view, paint_outcome
from crane_cli.session import Session
from crane_cli.visible import visible

Operation = Mapping[str, Any]
# The pauses before each further try, in seconds; together about two and a half minutes.
PAUSES = (0.5, 1, 2, 4, 8, 8, 8, *[10] * 12)
# How long the server waits for a change when it can not stream, in seconds.
LONG_POLL = 25
NO_STREAM = (404, 405, 406, 501)

EXIT_BY_OUTCOME = {
    "converged": CONVERGED,
    "paused": NOT_CONVERGED,
    "rolled-back": NOT_CONVERGED,
    "failed": NOT_CONVERGED,
    "timed-out": UNDECIDED,
}


def finish(
    session: Session, api: Api, operations: Iterable[Operation], *, detached: bool = False, quiet: bool = False
) -> None:
    """Follow operations one after the other, print their verdicts and exit with the status of the worst.

    :param detached: Follow them only until everything is sent to the Swarm, and say how to look at the rest.
    """
    seen, statuses = [], []
    for operation in operations:
        operation = follow(session, api, operation, quiet=quiet, until=is_sent if detached else is_ended)
        if detached and not has_failed_step(operation):
            if not quiet and session.for_people:
                target, identifier = visible(operation.get("target")), visible(operation["id"])
                click.echo(f"{target}: begun. Follow it with: crane operation wait {identifier}")
        else:
            tell_verdict(session, operation, quiet=quiet)
            statuses.append(exit_status(operation))
        seen.append(operation)
    if not session.for_people:
        session.give(seen[0] if len(seen) == 1 else seen)
    if status := worst(statuses):
        click.get_current_context().exit(status)


def is_ended(operation: Operation) -> bool:
    """Return whether an operation has its verdict."""
    return operation.get("state") == "ended"


def is_sent(operation: Operation) -> bool:
    """Return whether all is sent to the Swarm. A removal counts at once: its last steps wait for what goes away."""
    removes = str(operation.get("kind")).endswith(".remove")
    return (operation.get("state") != "applying" and not has_failed_step(operation)) or removes or is_ended(operation)


def has_failed_step(operation: Operation) -> bool:
    """Return whether the Engine refused something."""
    return any(step.get("state") == "failed" for step in operation.get("steps") or ())


def follow(
    session: Session,
    api: Api,
    operation: Operation,
    *,
    quiet: bool = False,
    until: Callable[[Operation], bool] = is_ended,
) -> Operation:
    """Follow an operation until it has ended or the server knows no more; return it as it is then.

    :param until: Says when to stop looking; by then nothing more is of interest.
    :raises Interrupted: The user pressed Ctrl-C.
    :raises Unknown: The server did not come back.
    """
    if until(operation):
        return operation
    look_again = f"Look at it with: crane operation wait {operation['id']}"
    view = open_view(quiet=quiet, for_people=session.for_people)
    try:
        view.show(operation)
        return _follow(session, api, operation, view, until)
    except KeyboardInterrupt as error:
        raise Interrupted(f"Stopped looking; the operation goes on. {look_again}") from error
    except Unknown as error:
        raise Unknown(f"{error.message} {look_again}") from error
    finally:
        view.close()


def _follow(
    session: Session, api: Api, operation: Operation, view: View, until: Callable[[Operation], bool]
) -> Operation:
    lost = 0
    look = _stream
    while True:
        came = False
        try:
            for seen in look(api, operation):
                operation, came = seen, True
                if lost:
                    view.say("Connected again.")
                    lost = 0
                view.show(operation)
                if until(operation):
                    return operation
            if operation.get("state") == "unknown-yet":
                return operation
            # A stream that ends before the operation does: the server is stopping, or something between us is.
            failure: CliError = Dropped("The server ended the stream.")
        except Quiet as error:
            if came:
                # Nothing has changed for long; a new stream shows at once whether the server is still there.
                continue
            failure = error
        except (Dropped, Unreachable) as error:
            failure = error
        except Refused as error:
            if error.status in NO_STREAM and look is _stream:
                look = _poll
                continue
            if error.status < 500:
                raise
            failure = error
        if lost == len(PAUSES):
            raise Unknown(f"The server does not answer any more: {failure.message}")
        if not lost:
            view.say(f"{failure.message} The operation goes on; connecting again.")
        session.pause(PAUSES[lost])
        lost += 1


def _stream(api: Api, operation: Operation) -> Iterable[Operation]:
    return api.lines("operations", operation["id"], "events")


def _poll(api: Api, operation: Operation) -> Iterable[Operation]:
    while operation.get("state") not in ("ended", "unknown-yet"):
        operation = api.get("operations", operation["id"], wait=LONG_POLL)
        yield operation


def exit_status(operation: Operation) -> int:
    """Return the exit status that an operation's end stands for."""
    if operation.get("state") != "ended":
        return UNDECIDED
    return EXIT_BY_OUTCOME.get((operation.get("verdict") or {}).get("outcome", ""), NOT_CONVERGED)


def worst(statuses: Iterable[int]) -> int:
    """Return the one status that stands for several: a failure outweighs what is undecided."""
    seen = set(statuses)
    return next((status for status in (NOT_CONVERGED, UNDECIDED) if status in seen), CONVERGED)


def tell_verdict(session: Session, operation: Operation, *, quiet: bool = False) -> None:
    """Print how an operation ended: on standard output, but on standard error where that is for a program or quiet."""
    good = exit_status(operation) == CONVERGED
    for warning in operation.get("warnings") or ():
        session.warn(describe(warning) if isinstance(warning, Mapping) else str(warning))
    if good and (quiet or not session.for_people):
        return
    for line in describe_verdict(operation):
        click.echo(line, err=quiet or not session.for_people)


def describe_verdict(operation: Operation) -> list[str]:
    """Say how an operation ended, why, and what to do: the whole first, then each service that is not as wanted."""
    target = visible(operation.get("target"))
    verdict = operation.get("verdict") or {}
    if operation.get("state") != "ended":
        return [
            f"{target}: {paint_outcome('unknown yet')}. The Engine does not answer, so that nobody knows how it ends.",
            f"Look at it with: crane operation wait {visible(operation.get('id'))}",
        ]
    outcome = str(verdict.get("outcome") or "failed")
    lines = [_sentence(f"{target}: {paint_outcome(outcome)}", verdict.get("cause"))]
    for service in verdict.get("services") or ():
        if service.get("outcome") != "converged":
            # The cause of the whole often is that of its only service.
            if not service.get("cause") or service["cause"] not in (verdict.get("cause") or ""):
                beginning = f"  {visible(service.get('name'))}: {visible(service.get('outcome') or 'not converged')}"
                lines.append(_sentence(beginning, service.get("cause")))
            if service.get("advice") and service.get("advice") != verdict.get("advice"):
                lines.append(f"    {visible(service['advice'])}")
    if verdict.get("created") and outcome != "converged":
        lines.append(f"Made before it failed: {', '.join(visible(name) for name in verdict['created'])}.")
    if verdict.get("advice"):
        lines.append(visible(verdict["advice"]))
    return lines


def _sentence(beginning: str, cause: Any) -> str:
    said = visible(cause or "").strip()
    return f"{beginning}. {said}" if said else f"{beginning}."
