"""Facts: what is to be written down of a task, made of what the live copy of the Swarm tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crane_core.engine.cache import Snapshot
from crane_core.engine.records import ENDED_TASK_STATES, TASK_LABEL, TASK_STATES, Node, Service, Task
from crane_core.events import Event
from crane_core.orchestration.operations.causes import Cause, explain_failure
from crane_core.redaction import hide, hide_inside

_BY_HAND = {
    "container.stopped": "stopped",
    "container.restarted": "restarted",
    "container.killed": "killed",
    "container.removed": "removed",
}
OUT_OF_MEMORY = Cause(
    "out-of-memory",
    "The task was killed because it used more memory than it may.",
    "Raise its memory limit, or find out what it needs so much for.",
)
DIED = frozenset({"failed", "rejected", "orphaned"})
LONGEST_TEXT = 4000
# In the order in which a task goes through them.
STATES = TASK_STATES


@dataclass(frozen=True)
class Fact:
    """A task as it was seen, or that it is gone.

    :param gone_at: When it was found to be gone; None while the Swarm knows it.
    """

    task: Task
    service: Service | None
    node: Node | None
    gone_at: datetime | None = None


def find_facts(old: Snapshot, new: Snapshot) -> list[Fact]:
    """Return what became of tasks from one snapshot to the next."""
    facts = [] if old.nodes is new.nodes else _find_lost(old, new)
    if old.tasks is new.tasks:
        return facts
    for service_id, tasks in new.tasks.items():
        before = old.tasks.get(service_id, ())
        if before is not tasks:
            known = {task.id: task for task in before}
            facts += [see(new, task) for task in tasks if known.get(task.id) is not task]
            left = {task.id for task in tasks}
            facts += [_miss(old, task) for task in before if task.id not in left]
    for service_id, tasks in old.tasks.items():
        if service_id not in new.tasks:
            facts += [_miss(old, task) for task in tasks]
    return facts


def _find_lost(old: Snapshot, new: Snapshot) -> list[Fact]:
    """Return the tasks on nodes that went down, whose own news may have come before."""
    down = [node for id_, node in new.nodes.items() if node.state == "down" and node is not old.nodes.get(id_)]
    return [fact for node in down for task in new.tasks_on(node.id) if _is_lost(fact := see(new, task))]


def see(snapshot: Snapshot, task: Task) -> Fact:
    """Return a task as a snapshot has it."""
    return Fact(task, snapshot.services.get(task.ServiceID), snapshot.nodes.get(task.NodeID))


def _miss(old: Snapshot, task: Task) -> Fact:
    return Fact(task, old.services.get(task.ServiceID), old.nodes.get(task.NodeID), now())


def has_died(fact: Fact) -> bool:
    """Tell whether a task ended badly, or was lost together with its node."""
    return fact.task.state in DIED or _is_lost(fact)


def _is_lost(fact: Fact) -> bool:
    task, node = fact.task, fact.node
    down = node is not None and node.state == "down"
    return down and not task.ended and task.desired_state in ENDED_TASK_STATES


def find_cause(fact: Fact) -> Cause | None:
    """Say why a task ended; None where it did not, or was told to."""
    task, node = fact.task, fact.node
    if _is_lost(fact):
        name = node.name if node else task.NodeID
        return Cause(
            "node-silent",
            f"Its node {name} does not answer; the Swarm gave the task up.",
            "Look at the node; what it printed can be had only from there.",
        )
    by_itself = task.state == "complete" and not (fact.service is not None and fact.service.is_job)
    if not by_itself and task.state not in DIED:
        return None
    return explain_failure(task, 1, Snapshot(nodes={node.id: node} if node else {}))


def find_hand(event: Event) -> tuple[str, Cause] | None:
    """Return the id of the task that somebody ended through Crane, and who did; None where nobody did."""
    done, task = _BY_HAND.get(event.kind), event.detail.get("task")
    if done is None or not task:
        return None
    return str(task), Cause("ended-by-hand", f"{clean(event.by)} {done} its container.")


def find_want_of_memory(event: Mapping[str, Any]) -> tuple[str, Cause] | None:
    """Return the id of the task whose container ran out of memory, as its node's Engine tells; None if none did."""
    labels = event.get("Actor", {}).get("Attributes", {})
    is_told = event.get("Type") == "container" and event.get("Action") == "oom"
    return (str(labels[TASK_LABEL]), OUT_OF_MEMORY) if is_told and labels.get(TASK_LABEL) else None


def service_values(service: Service) -> dict[str, Any]:
    """Return the row of a service."""
    return {
        "id": service.id,
        "name": clean(service.name)[:255],
        "stack": service.stack,
        "labels": {name: hide(name, value) for name, value in service.labels.items()},
    }


def task_values(fact: Fact) -> dict[str, Any]:
    """Return the row of a task; credentials in it are hidden."""
    task, node, cause = fact.task, fact.node, find_cause(fact)
    limits = task.Spec.Resources.Limits if task.Spec.Resources is not None else None
    return {
        "id": task.id,
        "version": task.version,
        "service_id": task.ServiceID,
        "slot": task.Slot or None,
        "place": task.place,
        "node_id": task.NodeID,
        "node": node.name[:255] if node else None,
        "node_state": _describe(node) if node else None,
        "image": clean(task.image),
        "state": task.state,
        "desired_state": task.desired_state,
        "exit_code": task.exit_code,
        "error": clean(task.error) if task.error else None,
        "memory_limit": (limits.MemoryBytes or None) if limits is not None else None,
        "died": has_died(fact),
        **cause_values(cause),
        "created_at": read_moment(task.CreatedAt),
        "at": read_moment(task.Status.Timestamp or task.UpdatedAt),
    }


def cause_values(cause: Cause | None) -> dict[str, Any]:
    """Return the columns that say why a task ended."""
    if cause is None:
        return dict.fromkeys(("cause_code", "cause", "advice"))
    return {"cause_code": cause.code, "cause": clean(cause.text), "advice": cause.advice}


def state_values(fact: Fact) -> list[dict[str, Any]]:
    """Return the rows of the states that a task is known to have been in: the first, and the present one."""
    task = fact.task
    rows = [
        {"task_id": task.id, "state": "new", "at": read_moment(task.CreatedAt), "message": "created", "error": None}
    ]
    if task.state != "new":
        rows.append(
            {
                "task_id": task.id,
                "state": task.state,
                "at": read_moment(task.Status.Timestamp or task.UpdatedAt),
                "message": clean(task.Status.Message),
                "error": clean(task.error) if task.error else None,
            }
        )
    return rows


def clean(text: str) -> str:
    """Return a text as it is kept: credentials hidden, not too long, and without what no database takes."""
    return hide_inside(text.replace("\x00", "\ufffd"))[:LONGEST_TEXT]


def read_moment(text: str) -> datetime:
    """Return a moment that the Engine tells, whose fractions are finer than ours.

    >>> read_moment("2026-01-02T03:04:05.678901234Z").isoformat()
    '2026-01-02T03:04:05.678901+00:00'
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        # A task that was never touched tells none.
        return datetime.now(UTC)


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def _describe(node: Node) -> str:
    active = node.availability in ("", "active")
    return node.state if active else f"{node.state}, {node.availability}"
