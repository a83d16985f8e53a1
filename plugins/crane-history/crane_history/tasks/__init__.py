"""Tasks: each that was ever seen, its states, and what it said before it ended badly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_core.context import get_crane
from crane_core.contributions import Column, Loop, Metric, Page, Setting
from crane_core.events import Event
from crane_history.tasks.operations import run_forgetting
from crane_history.tasks.outputs import Outputs
from crane_history.tasks.recorder import Recorder
from crane_history.tasks.routes import blueprint

if TYPE_CHECKING:
    import flask


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield Setting("history.task_days", int, 90, "How long tasks that are gone are remembered, in days.")
    yield Setting("history.tasks", int, 100_000, "How many tasks that are gone are remembered at the most.")
    yield Setting(
        "history.outputs_per_service",
        int,
        20,
        "Of how many tasks of a service that died the last output is kept; the newest are.",
    )
    yield Setting(
        "history.outputs", int, 1000, "Of how many tasks that died the last output is kept in all, 64 KiB each."
    )


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield blueprint


def pages() -> Iterator[Page]:
    """Contribute pages of the panel."""
    yield Page(
        "/task-history",
        "Task history",
        "applications",
        "task:read",
        source="/api/v1/task-history",
        columns=(
            Column("name", "Task", link="/tasks/{id}"),
            Column("service", "Service", link="/services/{service}"),
            Column("state", "State", kind="state"),
            Column("node", "Node", link="/nodes/{node}"),
            Column("exit_code", "Exit code", kind="number"),
            Column("cause", "Why it died"),
            Column("at", "When", kind="moment"),
        ),
        # Not among the columns, so that the order stays that of the list: the newest first.
        key="id",
        words={
            "zh-CN": {
                "Task history": "任务历史",
                "Task": "任务",
                "Service": "服务",
                "State": "状态",
                "Node": "节点",
                "Exit code": "退出码",
                "Why it died": "终止原因",
                "When": "时间",
            }
        },
    )


def metrics() -> Iterator[Metric]:
    """Contribute figures."""
    yield Metric(
        "crane_history_task_changes_total",
        "Changes of tasks that were written down.",
        "counter",
        lambda: [((), float(get_crane().room(Recorder).written))],
    )
    yield Metric(
        "crane_history_task_changes_missed_total",
        "Changes of tasks that came faster than they could be written; the Swarm was read anew instead.",
        "counter",
        lambda: [((), float(get_crane().room(Recorder).missed))],
    )


def event(event: Event) -> None:
    """Take that somebody ended a task by hand."""
    get_crane().room(Recorder).note_event(event)


def loops() -> Iterator[Loop]:
    """Contribute loops."""
    # Each server writes what it sees: what another wrote already is passed over.
    yield Loop("history.tasks", lambda stop: get_crane().room(Recorder).run(stop))
    yield Loop("history.outputs", lambda stop: get_crane().room(Outputs).run(stop))
    yield Loop("history.forget_tasks", run_forgetting, once=True)
