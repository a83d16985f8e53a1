"""Logs: what the containers of a stack, a service or a task print, from all nodes, in one order."""

from __future__ import annotations

from collections.abc import Iterator

import flask

from crane_core.containers import find_container_target
from crane_core.context import Crane, get_crane
from crane_core.contributions import Action, Metric, Setting, Topic
from crane_core.hookspecs import hookimpl
from crane_core.logs.feed import open_feed
from crane_core.logs.logs import Logs
from crane_core.logs.rights import find_service, find_stack, find_task
from crane_core.logs.routes import blueprint


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield Setting(
        "logs.readers",
        int,
        100,
        "How many requests may read logs at the same time; live topics of the live socket are not counted.",
    )


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield Action(
        "stack:read-logs",
        "Read what the services of stacks print; each service is decided on besides.",
        find_stack,
        within=("stack",),
        role="viewer",
    )
    yield Action("service:read-logs", "Read what services print.", find_service, within=("stack",), role="viewer")
    yield Action("task:read-logs", "Read what tasks print.", find_task, within=("stack",), role="viewer")
    yield Action(
        "container:read-logs",
        "Read what containers print, those of no service too.",
        find_container_target,
        within=("stack", "node"),
        role="viewer",
    )


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield blueprint


@hookimpl
def crane_topics() -> Iterator[Topic]:
    told = "What {} print, as it comes; what stands after a question mark in its name chooses, as in `?tail=100`."
    yield Topic(
        "logs/stacks/{name}", "stack:read-logs", told.format("the services of a stack"), feed=open_feed("stack")
    )
    yield Topic(
        "logs/services/{name}", "service:read-logs", told.format("the tasks of a service"), feed=open_feed("service")
    )
    yield Topic("logs/tasks/{id}", "task:read-logs", told.format("tasks"), feed=open_feed("task"))
    yield Topic("logs/containers/{id}", "container:read-logs", told.format("containers"), feed=open_feed("container"))


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(Logs)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    crane: Crane = app.extensions["crane"]
    crane.room(Logs).close()


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield Metric(
        "crane_logs_streams",
        "How many streams of Engines are open, of one container each.",
        "gauge",
        lambda: [((), get_crane().room(Logs).streams)],
    )
    yield Metric(
        "crane_logs_lines_lost_total",
        "Lines that were left out because somebody read slowly.",
        "counter",
        lambda: [((), get_crane().room(Logs).lost)],
    )
