"""Waiting for removed services: they are gone when their tasks are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crane_core.context import Crane
from crane_core.engine.records import ENDED_TASK_STATES, Task
from crane_core.orchestration.stacks.desired import STACK_LABEL


def find_remaining_tasks(crane: Crane, stack: str | None, service_ids: Collection[str]) -> list[Task]:
    """Find the tasks of removed services that still run or are being stopped.

    Tasks on nodes that are down are not waited for: nobody can stop them, and the Swarm lists them for a day.
    """
    filters = {"label": [f"{STACK_LABEL}={stack}"]} if stack else {}
    nodes = crane.cache.snapshot().nodes
    return [
        task
        for task in crane.engine.tasks(**filters)
        if task.ServiceID in service_ids
        and task.state not in ENDED_TASK_STATES
        and not ((node := nodes.get(task.NodeID)) is not None and node.state == "down")
    ]


def say_remaining(tasks: Sequence[Task]) -> str:
    """Say what is waited for.

    >>> say_remaining([])
    '0 tasks that are being stopped'
    """
    one = len(tasks) == 1
    return f"{len(tasks)} task{'' if one else 's'} that {'is' if one else 'are'} being stopped"
