"""Verdicts: how an operation ended, in words."""

from __future__ import annotations

from crane_core.errors import CraneError
from crane_core.orchestration.operations.model import OUTCOMES, Operation, Outcome, ServiceProgress, Verdict


def conclude(operation: Operation) -> Verdict:
    """Conclude from the services: an operation is as good as the worst of them."""
    services = [_tell(progress) for progress in operation.services]
    bad = [progress for progress in operation.services if progress.state != "converged"]
    if not bad:
        return Verdict("converged", _say_converged(operation), "converged", services)
    worst = max(bad, key=lambda progress: OUTCOMES.index(_outcome(progress)))
    others = f" {len(bad) - 1} more did not converge." if len(bad) > 1 else ""
    return Verdict(
        _outcome(worst),
        f"{worst.name}: {worst.message}{others}",
        worst.code or _outcome(worst),
        services,
        created=_names(operation, "create"),
        advice=worst.advice,
    )


def conclude_removed(operation: Operation) -> Verdict:
    """Conclude that everything is gone."""
    count = sum(step.kind == "service" and step.action == "remove" for step in operation.steps)
    return Verdict("converged", f"{operation.target} is gone: {_count(count)}, its tasks and networks.", "removed")


def conclude_refused(operation: Operation, error: CraneError) -> Verdict:
    """Conclude that a step failed; what was made before stands, and deploying again goes on from there."""
    done = _say_done(operation)
    return Verdict(
        "failed",
        # The Engine ends its own texts without a full stop.
        f"{_failed_step(operation)}{error.detail.rstrip('. ')}. {done or 'Nothing was changed before.'}",
        error.code,
        [_tell(progress) for progress in operation.services],
        _names(operation, "create"),
        "Mend the cause and deploy again: what stands is kept." if done else None,
    )


def conclude_interrupted(operation: Operation) -> Verdict:
    """Conclude that the server was stopped before all changes were sent."""
    done = [step for step in operation.steps if step.state == "done"]
    left = [f"{step.kind} {step.name}" for step in operation.steps if step.state == "pending"]
    return Verdict(
        "failed",
        f"The server was stopped after {len(done)} of {len(operation.steps)} steps. "
        f"{_say_done(operation) or 'Nothing was changed.'} Not known to be done: {', '.join(left) or 'nothing'}.",
        "interrupted",
        created=_names(operation, "create"),
        advice="Deploy again: what stands is kept, and the rest is done.",
    )


def conclude_left_over(operation: Operation) -> Verdict:
    """Conclude that something cannot be removed, because something that stays uses it."""
    left = [step for step in operation.steps if step.state == "pending" and step.action == "remove"]
    causes = " ".join(f"The {step.kind} {step.name} could not be removed: {step.error}." for step in left)
    return Verdict(
        "failed",
        causes.replace("..", "."),
        "in-use",
        [_tell(progress) for progress in operation.services],
        _names(operation, "create"),
        "Remove what uses it, and try again.",
    )


def conclude_timed_out(operation: Operation, reason: str) -> Verdict:
    """Conclude that it took too long; whatever is on its way goes on without being followed."""
    waiting = [f"{progress.name}: {progress.message}" for progress in operation.services if not progress.ended]
    return Verdict(
        "timed-out",
        " ".join([reason, *waiting]),
        "timed-out",
        [_tell(progress) for progress in operation.services],
        _names(operation, "create"),
        "It goes on in the Swarm; look at the services' tasks.",
    )


def _tell(progress: ServiceProgress) -> dict[str, str | None]:
    return {
        "name": progress.name,
        "outcome": _outcome(progress),
        "cause": progress.message,
        "code": progress.code or _outcome(progress),
        "advice": progress.advice,
    }


def _outcome(progress: ServiceProgress) -> Outcome:
    return progress.state if progress.state in OUTCOMES else "timed-out"


def _names(operation: Operation, action: str) -> list[str]:
    """Return what was created, updated or removed so far."""
    return [f"{step.kind} {step.name}" for step in operation.steps if step.state == "done" and step.action == action]


def _say_done(operation: Operation) -> str:
    """Say what was done so far, and stands; empty when nothing was."""
    done = {_PAST[action]: _names(operation, action) for action in _PAST}
    said = "; ".join(f"{past} {', '.join(names)}" for past, names in done.items() if names)
    return f"{said[0].upper()}{said[1:]}." if said else ""


def _failed_step(operation: Operation) -> str:
    failed = next((step for step in operation.steps if step.state == "failed"), None)
    return f"The {failed.kind} {failed.name} could not be {_PAST[failed.action]}: " if failed else ""


_PAST = {"create": "created", "update": "updated", "remove": "removed"}


def _say_converged(operation: Operation) -> str:
    changed = any(step.state == "done" for step in operation.steps)
    count = _count(len(operation.services))
    if not operation.services:
        return "Everything was changed as planned." if changed else "There was nothing to change."
    verb = "converged" if changed else "runs as wanted" if len(operation.services) == 1 else "run as wanted"
    return f"{count} {verb}." if changed else f"Nothing had to change; {count} {verb}."


def _count(services: int) -> str:
    return f"{services} service{'' if services == 1 else 's'}"
