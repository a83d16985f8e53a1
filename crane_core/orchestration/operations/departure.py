"""Waiting for removed services: they are gone when their tasks are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from crane_core.context import Crane
from crane_core.engine.records import Node, Task
from crane_core.orchestration.stacks.desired import STACK_LABEL


def find_remaining_tasks(crane: Crane, stack: str | None, service_ids: Collection[str]) -> list[Task]:
    """Find the tasks of removed services that are still there: running, being stopped, or not yet forgotten.

    Tasks on nodes that are down or gone are not waited for: nobody can stop them, and the Swarm lists them for a day.
    """
    filters = {"label": [f"{STACK_LABEL}={stack}"]} if stack else {}
    nodes = crane.cache.snapshot().nodes
    return [
        task
        for task in crane.engine.tasks(**filters)
        if task.ServiceID in service_ids and task.state != "orphaned" and _can_be_stopped(task, nodes)
    ]


def _can_be_stopped(task: Task, nodes: Mapping[str, Node]) -> bool:
    node = nodes.get(task.NodeID)
    return not task.NodeID or (node is not None and node.state != "down")


def say_remaining(tasks: Sequence[Task]) -> str:
    """Say what is waited for.

    >>> say_remaining([])
    '0 tasks that are being stopped'
    """
    one = len(tasks) == 1
    return f"{len(tasks)} task{'' if one else 's'} that {'is' if one else 'are'} being stopped"
