"""Taking up what another process left: what of an interrupted operation was done after all."""

from __future__ import annotations

from collections.abc import Callable

from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Config, Network, Secret, Service
from crane_core.orchestration.operations.model import Operation, Step, Track

_FINISHABLE = {("remove", "network"), ("remove", "config"), ("remove", "secret")}


def find_done(operation: Operation, snapshot: Snapshot) -> None:
    """Mark the steps as done that were, though nobody lived to hear the Engine's answer.

    What was to be created and is there, and what was to be removed and is not. Whether an update was made cannot be
    told: what was sent is kept nowhere, because it may hold secrets.
    """
    for step in operation.steps:
        if step.state != "pending" or step.action == "update":
            continue
        found = _find(step, snapshot)
        if (found is not None) == (step.action == "create"):
            step.state = "done"
            if found is not None and step.kind == "service":
                operation.tracks.append(Track(step.name, found))


def was_interrupted(operation: Operation) -> bool:
    """Tell whether steps are left that only the process could make that was stopped.

    What only waited to be out of use (a network, a config, a secret) can be removed by anybody.
    """
    return any(step.state == "pending" and (step.action, step.kind) not in _FINISHABLE for step in operation.steps)


def _find(step: Step, snapshot: Snapshot) -> str | None:
    """Return the id of the object that a step is about, None when there is none."""
    find: dict[str, Callable[[str], Service | Network | Config | Secret | None]] = {
        "service": snapshot.service_named,
        "network": snapshot.network_named,
        "config": snapshot.config_named,
        "secret": snapshot.secret_named,
    }
    found = find[step.kind](step.name)
    return found.id if found is not None else None
