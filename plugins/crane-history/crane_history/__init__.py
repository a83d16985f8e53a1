"""History: what happened in the Swarm and in Crane, kept in the database.

Three rooms, each with its own tables: the :mod:`~crane_history.timeline`, the :mod:`~crane_history.tasks`, and the
:mod:`~crane_history.revisions` of stacks. Each contributes by functions that are named like the hooks below.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from crane_database import BackupFiles, Migrations

from crane_core.auditing import Answered
from crane_core.contributions import Action, HealthCheck, Loop, Metric, Page, Setting, Topic
from crane_core.events import Event
from crane_core.hookspecs import hookimpl
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.plans.model import Plan
from crane_history import revisions, tasks, timeline

if TYPE_CHECKING:
    import flask

requires = ("database",)
ROOMS: tuple[ModuleType, ...] = (timeline, tasks, revisions)


@hookimpl
def crane_settings() -> Iterator[Setting]:
    for room in ROOMS:
        yield from room.settings()


@hookimpl
def crane_actions() -> Iterator[Action]:
    for room in ROOMS:
        yield from room.actions()


@hookimpl
def crane_routes() -> Iterator[flask.Blueprint]:
    for room in ROOMS:
        yield from room.routes()


@hookimpl
def crane_topics() -> Iterator[Topic]:
    for room in ROOMS:
        yield from room.topics()


@hookimpl
def crane_pages() -> Iterator[Page]:
    for room in ROOMS:
        yield from room.pages()


@hookimpl
def crane_health_checks() -> Iterator[HealthCheck]:
    for room in ROOMS:
        yield from room.health_checks()


@hookimpl
def crane_metrics() -> Iterator[Metric]:
    for room in ROOMS:
        yield from room.metrics()


@hookimpl
def crane_loops() -> Iterator[Loop]:
    for room in ROOMS:
        yield from room.loops()


@hookimpl
def crane_database_migrations() -> Iterator[Migrations]:
    yield Migrations("crane_history.models", "crane_history.migrations")


@hookimpl
def crane_database_backup_files() -> Iterator[BackupFiles]:
    for room in ROOMS:
        yield from room.backup_files()


@hookimpl
def crane_startup(app: flask.Flask) -> None:
    for room in ROOMS:
        room.startup(app)


@hookimpl
def crane_shutdown(app: flask.Flask) -> None:
    # In the opposite order: what the others still tell the timeline is kept.
    for room in reversed(ROOMS):
        room.shutdown(app)


@hookimpl
def crane_event(event: Event) -> None:
    for room in ROOMS:
        room.event(event)


@hookimpl
def crane_operation(operation: Operation, plan: Plan) -> None:
    revisions.operation(operation, plan)


@hookimpl
def crane_request(answered: Answered) -> None:
    timeline.request(answered)
