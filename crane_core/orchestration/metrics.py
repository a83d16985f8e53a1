"""Figures of services, tasks and operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from crane_core.context import get_crane
from crane_core.contributions import Metric
from crane_core.orchestration.operations.operations import Operations

Samples = Iterable[tuple[Sequence[str], float]]


def _count_tasks() -> Samples:
    counted = Counter(task.state for task in get_crane().cache.snapshot().all_tasks())
    return [((state,), count) for state, count in sorted(counted.items())]


def _of_services(member: str) -> Samples:
    services = get_crane().cache.snapshot().services.values()
    return [((service.name, service.stack or ""), getattr(service, member)) for service in services]


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
