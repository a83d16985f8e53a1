"""What a healthcheck printed: the cause of an unhealthy task that the Swarm itself never tells."""

from __future__ import annotations

from collections.abc import Iterable

from crane_core.context import Crane
from crane_core.engine.records import Task
from crane_core.errors import CraneError
from crane_core.redaction import hide_inside

LONGEST = 300
# Each is a call of the Engine, made while everybody waits for a verdict.
MOST_ASKED = 3


def find_health_output(crane: Crane, tasks: Iterable[Task]) -> str:
    """Find what the last healthcheck of one of these tasks printed; credentials in it are hidden.

    Only the Engine that runs a container knows, so it is empty unless a task was on the Engine that Crane talks to.

    :param tasks: Those that failed; the newest are asked for first.
    """
    try:
        here = (crane.engine.info().get("Swarm") or {}).get("NodeID")
    except CraneError:
        return ""
    asked = [task for task in tasks if task.NodeID == here and task.container_id][-MOST_ASKED:]
    for task in reversed(asked):
        try:
            container = crane.engine.container(task.container_id or "")
        except CraneError:
            # The Swarm keeps few ended containers; an older one may still be there.
            continue
        checks = ((container.get("State") or {}).get("Health") or {}).get("Log") or ()
        if checks and (printed := " ".join(str(checks[-1].get("Output", "")).split())):
            return _cut(hide_inside(printed))
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
