"""Causes in words: what a failed task died of, and what to do about it.

The Engine's own texts are kept, because operators search for them; what they mean and what helps is put beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Task


@dataclass(frozen=True)
class Cause:
    """Why something did not get where it was meant to.

    :param code: Stable, in kebab case.
    :param text: A sentence.
    :param advice: What to do, None where there is nothing to say.
    """

    code: str
    text: str
    advice: str | None = None


@dataclass(frozen=True)
class _Known:
    """A text of the Engine that is recognised, and what it means; ``{image}`` is filled in."""

    parts: tuple[str, ...]
    code: str
    text: str
    advice: str


_KNOWN = (
    _Known(
        ("No such image", "manifest unknown", "not found: manifest", "repository does not exist", "pull access denied"),
        "image-missing",
        "The image {image} cannot be had",
        "Check its name and tag; if its registry wants a login, send it along.",
    ),
    _Known(
        ("unauthorized", "authentication required", "no basic auth credentials"),
        "image-denied",
        "The registry does not give {image} to this Swarm",
        "Send the registry's login along with the deployment.",
    ),
    _Known(
        ("unhealthy container",),
        "unhealthy",
        "The health check never passed",
        "Look at what the check runs, and give a slow start a longer start_period.",
    ),
    _Known(
        ("port is already allocated", "address already in use", "host-mode port already in use"),
        "port-taken",
        "A port that the task wants on its node is taken",
        "Free the port, or publish another one.",
    ),
    _Known(
        (
            "executable file not found",
            "no such file or directory: unknown",
            "exec format error",
            "permission denied: unknown",
        ),
        "cannot-start",
        "The container's command cannot be run",
        "Check command and entrypoint, and that the image fits the node's platform.",
    ),
    _Known(
        ("invalid mount config", "bind source path does not exist", "error while mounting volume"),
        "mount-failed",
        "A volume or bind mount cannot be mounted on the node",
        "Bind sources must exist on every node that the task may run on.",
    ),
    _Known(
        ("network sandbox", "could not find network", "network not found", "missing network attachments"),
        "network-failed",
        "The task cannot be attached to its network",
        "Look at the network, and at whether the nodes reach each other.",
    ),
    _Known(("out of memory", "OOM"), "out-of-memory", "The task ran out of memory", "Raise its memory limit."),
)


def explain_failure(task: Task, count: int, snapshot: Snapshot) -> Cause:
    """Say what a task died of.

    :param count: How many attempts at its place have failed.
    """
    error = (task.error or task.Status.Message or "it gave no reason").strip()
    where = _where(task, snapshot)
    times = f" ({count} attempts failed)" if count > 1 else ""
    for known in _KNOWN:
        if any(part in error for part in known.parts):
            text = known.text.format(image=task.image.partition("@")[0])
            return Cause(known.code, f"{text}: {error}, {where}{times}.", known.advice)
    if task.state == "complete":
        ended = f" ({count} attempts ended)" if count > 1 else ""
        return Cause(
            "ends",
            f"The task ends by itself with exit status 0, {where}{ended}.",
            "The command of a service has to go on; for work that ends, use the mode replicated-job.",
        )
    if task.exit_code == 137:
        return Cause(
            "killed",
            f"The task was killed (exit status 137), {where}{times}: {error}.",
            "This is what a node out of memory does; look at its memory and at the task's limit.",
        )
    if task.exit_code is not None and task.state == "failed":
        return Cause(
            "exits",
            f"The task ends with exit status {task.exit_code}, {where}{times}: {error}.",
            "Look at its logs.",
        )
    return Cause("task-failed", f"A task failed, {where}{times}: {error}.", None)


def _where(task: Task, snapshot: Snapshot) -> str:
    node = snapshot.nodes.get(task.NodeID)
    return f"on node {node.name}" if node is not None else "on a node that is gone" if task.NodeID else "on no node"


def _many(singular: str) -> Callable[[int], str]:
    return lambda count: f"{count} {singular}{'' if count == 1 else 's'}"


_tasks = _many("task")


def say_running(count: int) -> str:
    """Say how many tasks run.

    >>> say_running(1), say_running(6)
    ('1 task runs.', '6 tasks run.')
    """
    return f"{_tasks(count)} run{'s' if count == 1 else ''}."


def say_nothing_to_run(replicas: int | None) -> str:
    """Say why nothing runs of a service that is as it should be.

    :param replicas: None for a global service.

    >>> say_nothing_to_run(0)
    'No task is to run.'
    """
    return "No task is to run." if replicas is not None else "No task is to run: no node is meant to have one."


def say_running_of(count: int, wanted: int) -> str:
    """Say how many tasks of those wanted run.

    >>> say_running_of(2, 3)
    '2 of 3 tasks run.'
    """
    return f"{count} of {_tasks(wanted)} run{'s' if wanted == 1 else ''}."


def say_completed(count: int) -> str:
    """Say how many tasks of a job have completed.

    >>> say_completed(1)
    '1 task has completed.'
    """
    return f"{_tasks(count)} ha{'s' if count == 1 else 've'} completed."
