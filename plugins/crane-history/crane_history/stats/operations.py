"""What a service, a stack or the tasks of a node used, over a span of time.

The figures are those of cAdvisor, which labels what it tells of a container with the labels of the container; the
Engine gives the containers of services the labels that are named here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from crane_core.context import Crane
from crane_core.errors import Invalid, Violation
from crane_history.stats.errors import NoPrometheus
from crane_history.stats.prometheus import Prometheus, Series, Span

Kind = Literal["service", "stack", "node"]

LABELS: Mapping[Kind, str] = {
    "service": "container_label_com_docker_swarm_service_name",
    "stack": "container_label_com_docker_stack_namespace",
    "node": "container_label_com_docker_swarm_node_id",
}
TASK_LABEL = "container_label_com_docker_swarm_task_name"
SERVICE_LABEL = LABELS["service"]

DEFAULT_SPAN = timedelta(hours=24)
# What a chart has room for, and what an answer may hold.
USUAL_POINTS = 240
MOST_POINTS = 2000
SHORTEST_STEP = 15
# A rate needs two samples, and Prometheus takes one a minute by default.
SHORTEST_WINDOW = 120


@dataclass(frozen=True)
class Figure:
    """Something that cAdvisor tells of each container.

    :param counts: Whether it only ever rises, so that its rate is what one wants to know.
    """

    name: str
    unit: str
    metric: str
    counts: bool = True


FIGURES = (
    Figure("cpu", "cores", "container_cpu_usage_seconds_total"),
    Figure("memory", "bytes", "container_memory_working_set_bytes", counts=False),
    Figure("network_received", "bytes per second", "container_network_receive_bytes_total"),
    Figure("network_sent", "bytes per second", "container_network_transmit_bytes_total"),
    Figure("disk_read", "bytes per second", "container_fs_reads_bytes_total"),
    Figure("disk_written", "bytes per second", "container_fs_writes_bytes_total"),
)


def find_span(since: datetime | None, until: datetime | None, step: int | None, now: datetime) -> Span:
    """Return the span that is asked for: the last 24 hours in steps that a chart has room for, unless told otherwise.

    :raises Invalid: when it ends before it begins, or has too many points.
    """
    until = until or now
    since = since or until - DEFAULT_SPAN
    seconds = (until - since).total_seconds()
    if seconds <= 0:
        raise Invalid(violations=[Violation("since", "It begins when it ends, or later; say an earlier moment.")])
    chosen = step or max(SHORTEST_STEP, math.ceil(seconds / USUAL_POINTS))
    if seconds / chosen > MOST_POINTS:
        least = math.ceil(seconds / MOST_POINTS)
        raise Invalid(violations=[Violation("step", f"That is too many points; say {least} seconds or more.")])
    return Span(since, until, chosen)


def find_figures(crane: Crane, kind: Kind, key: str, span: Span, *, by_task: bool) -> dict[str, Any]:
    """Return what something used over a span of time.

    :param key: The name of a service or stack, the id of a node.
    :raises NoPrometheus: when none is set.
    :raises PrometheusUnavailable: when it does not answer.
    """
    prometheus = _find_prometheus(crane)
    return {
        "since": span.since.astimezone(UTC).isoformat(),
        "until": span.until.astimezone(UTC).isoformat(),
        "step": span.step,
        "figures": [
            {
                "name": figure.name,
                "unit": figure.unit,
                "series": [
                    _present(series) for series in prometheus.ask(express(figure, kind, key, span.step, by_task), span)
                ],
            }
            for figure in FIGURES
        ],
    }


def express(figure: Figure, kind: Kind, key: str, step: int, by_task: bool) -> str:
    """Return the expression of a figure in Prometheus' language."""
    chosen = f"{figure.metric}{{{LABELS[kind]}={_quote(key)}}}"
    if figure.counts:
        chosen = f"rate({chosen}[{max(step, SHORTEST_WINDOW)}s])"
    return f"sum by ({TASK_LABEL}) ({chosen})" if by_task else f"sum({chosen})"


def _quote(text: str) -> str:
    """Return a text as Prometheus' language writes it; a name must not become part of the expression."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _find_prometheus(crane: Crane) -> Prometheus:
    url = crane.settings["history.prometheus_url"]
    if not url:
        raise NoPrometheus("Set history.prometheus_url to the Prometheus that scrapes cAdvisor on every node.")
    return Prometheus(url, crane.settings["history.prometheus_token"])


def _present(series: Series) -> dict[str, Any]:
    values = [value for _, value in series.points]
    # A task is named service.slot.id; the id makes no difference to whoever reads it.
    task = series.labels.get(TASK_LABEL)
    return {
        "task": task.rpartition(".")[0] or task if task else None,
        "task_id": task.rpartition(".")[2] if task else None,
        "points": series.points,
        "least": min(values, default=None),
        "mean": sum(values) / len(values) if values else None,
        "most": max(values, default=None),
    }
