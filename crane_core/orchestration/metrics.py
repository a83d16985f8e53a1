"""Figures of services, tasks and operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from crane_core.context import get_crane
from crane_core.contributions import Metric
from crane_core.orchestration.operations.judge import is_outdated
from crane_core.orchestration.operations.operations import Operations
from crane_core.orchestration.services.operations import state_of

Samples = Iterable[tuple[Sequence[str], float]]


def _count_tasks() -> Samples:
    counted = Counter(task.state for task in get_crane().cache.snapshot().all_tasks())
    return [((state,), count) for state, count in sorted(counted.items())]


def _of_services(member: str) -> Samples:
    services = get_crane().cache.snapshot().services.values()
    return [((service.name, service.stack or ""), getattr(service, member)) for service in services]


def _count_updated() -> Samples:
    """Count the running tasks that are made of what their service says by now."""
    snapshot = get_crane().cache.snapshot()
    for service in snapshot.services.values():
        tasks = snapshot.tasks_of(service.id)
        # On a node that is gone, a task counts as running that has been replaced.
        running = [task for task in tasks if task.state == task.desired_state == "running"]
        yield (service.name, service.stack or ""), sum(not is_outdated(task, service) for task in running)


def _count_converged() -> Samples:
    for service in get_crane().cache.snapshot().services.values():
        yield (service.name, service.stack or ""), float(state_of(service) == "converged")


def _count_operations() -> Samples:
    operations = get_crane().room(Operations).all()
    counted = Counter(operation.verdict.outcome if operation.verdict else operation.state for operation in operations)
    return [((state,), count) for state, count in sorted(counted.items())]


METRICS = (
    Metric(
        "crane_orchestration_service_desired_tasks",
        "How many tasks a service should run.",
        "gauge",
        lambda: _of_services("tasks_desired"),
        ("service", "stack"),
    ),
    Metric(
        "crane_orchestration_service_running_tasks",
        "How many tasks of a service run.",
        "gauge",
        lambda: _of_services("tasks_running"),
        ("service", "stack"),
    ),
    Metric(
        "crane_orchestration_service_updated_tasks",
        "How many running tasks of a service have its present image and were made since it was last forced.",
        "gauge",
        _count_updated,
        ("service", "stack"),
    ),
    Metric(
        "crane_orchestration_service_converged",
        "Whether a service is as it should be: what should run runs, and no update is on or was stopped.",
        "gauge",
        _count_converged,
        ("service", "stack"),
    ),
    Metric(
        "crane_orchestration_tasks",
        "Tasks by state, those that have ended included.",
        "gauge",
        _count_tasks,
        ("state",),
    ),
    Metric(
        "crane_orchestration_operations",
        "Known operations by state, or by the outcome of those that have ended.",
        "gauge",
        _count_operations,
        ("state",),
    ),
)
