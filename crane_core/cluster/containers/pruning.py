"""Which containers nothing needs any more: stopped ones, but for those that the Swarm still remembers the task of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from crane_core.cluster.pruning.operations import Found, Prunable, Pruning
from crane_core.containers import make_container, target_of
from crane_core.context import Crane
from crane_core.engine.client import Engine
from crane_core.engine.records import TASK_LABEL, Node

_STOPPED = ("created", "exited", "dead")
# So long the container of a task stays that the copy of the Swarm does not know: it may be about to be started.
_YOUNG_SECONDS = 300.0


def _find(crane: Crane, node: Node, engine: Engine, options: Mapping[str, Any]) -> Found:
    # With the sizes it takes the Engine longer, which is why only stopped ones are asked for.
    stopped = engine.read_json("/containers/json", all=True, size=True, filters={"status": list(_STOPPED)})
    snapshot = crane.cache.snapshot()
    remembered = {task.id for task in snapshot.tasks_on(node.id)}
    found = []
    for item in stopped:
        # What a dead task printed is still read from its container; the Swarm removes it when it forgets the task.
        task = (item.get("Labels") or {}).get(TASK_LABEL)
        if task in remembered or (task and time.time() - int(item.get("Created") or 0) < _YOUNG_SECONDS):
            continue
        container = make_container(snapshot, node, item)
        found.append(
            Prunable(
                target_of(container),
                container.id,
                container.name,
                int(item.get("SizeRw") or 0),
                f"{container.image}: {item.get('Status') or container.state}",
            )
        )
    return Found(found, len(engine.read_json("/containers/json", all=True)) - len(found))


def _remove(engine: Engine, item: Prunable) -> None:
    engine.send("DELETE", f"/containers/{item.id}")


PRUNING = Pruning("container", _find, _remove, ("containers", "volumes"), "container.pruned")
