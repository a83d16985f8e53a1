"""History: what happened in the Swarm and in Crane, kept in the database.

Three rooms have tables of their own: the :mod:`~crane_history.timeline`, the :mod:`~crane_history.tasks`, and the
:mod:`~crane_history.revisions` of stacks; the :mod:`~crane_history.stats` are read from Prometheus. Each contributes by
functions that are named like the hooks below.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_database import BackupFiles, Migrations

from crane_core.auditing import Answered
from crane_core.contributions import Action, HealthCheck, Loop, Metric, Page, Setting, Topic
from crane_core.events import Event
from crane_core.hookspecs import hookimpl
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.plans.model import Plan
from crane_history import revisions, stats, tasks, timeline

if TYPE_CHECKING:
    import flask

requires = ("database",)


@hookimpl
def crane_settings() -> Iterator[Setting]:
    yield from (*timeline.settings(), *tasks.settings(), *revisions.settings(), *stats.settings())


@hookimpl
def crane_actions() -> Iterator[Action]:
    yield from timeline.actions()


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    yield from (*timeline.routes(), *tasks.routes(), *revisions.routes(), *stats.routes())


@hookimpl
def crane_topics() -> Iterator[Topic]:
    yield from timeline.topics()


@hookimpl
def crane_pages() -> Iterator[Page]:
    yield from (*timeline.pages(), *tasks.pages(), *revisions.pages())


@hookimpl
def crane_health_checks() -> Iterator[HealthCheck]:
    yield from timeline.health_checks()


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    yield from (*timeline.metrics(), *tasks.metrics())


@hookimpl
def crane_loops() -> Iterator[Loop]:
    yield from (*timeline.loops(), *tasks.loops())


@hookimpl
def crane_database_migrations() -> Iterator[Migrations]:
    yield Migrations("crane_history.models", "crane_history.migrations")


@hookimpl
def crane_database_backup_files() -> Iterator[BackupFiles]:
    yield from revisions.backup_files()


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    timeline.startup(app)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    timeline.shutdown(app)


@hookimpl
def crane_event(event: Event) -> None:
    timeline.event(event)
    tasks.event(event)
    revisions.event(event)


@hookimpl
def crane_operation(operation: Operation, plan: Plan) -> None:
    revisions.operation(operation, plan)


@hookimpl
def crane_request(answered: Answered) -> None:
    timeline.request(answered)
