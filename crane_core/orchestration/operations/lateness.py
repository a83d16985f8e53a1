"""Late steps: what is removed only once every service has converged, because a rollback would need it again."""

from __future__ import annotations

from crane_core.orchestration.operations.model import Operation

KEPT = "It was kept, because not every service converged."


def release(operation: Operation) -> bool:
    """Decide what becomes of late steps, now that every service came to its end; returns whether any is to be made."""
    if any(progress.state != "converged" for progress in operation.services):
        keep_late(operation)
        return False
    waiting = [step for step in operation.steps if step.late and step.state == "pending"]
    for step in waiting:
        step.late = False
    return bool(waiting)


def keep_late(operation: Operation) -> None:
    """Leave out the late steps that are still to be made."""
    for step in operation.steps:
        if step.late and step.state == "pending":
            step.state, step.error = "skipped", KEPT


def say_kept(operation: Operation) -> str:
    """Say what was kept; empty when nothing was."""
    kept = [f"the {step.kind} {step.name}" for step in operation.steps if step.late and step.state == "skipped"]
    if not kept:
        return ""
    said = f"{' and '.join(kept)} {'was' if len(kept) == 1 else 'were'} kept."
    return f" {said[0].upper()}{said[1:]}"
