"""Revisions of stacks: what was deployed, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_database import BackupFiles

from crane_core.contributions import Action, HealthCheck, Loop, Metric, Page, Setting, Topic
from crane_core.events import Event

if TYPE_CHECKING:
    import flask


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield from ()


def actions() -> Iterator[Action]:
    """Contribute actions."""
    yield from ()


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield from ()


def topics() -> Iterator[Topic]:
    """Contribute topics of the live socket."""
    yield from ()


def pages() -> Iterator[Page]:
    """Contribute pages of the panel."""
    yield from ()


def health_checks() -> Iterator[HealthCheck]:
    """Contribute health checks."""
    yield from ()


def metrics() -> Iterator[Metric]:
    """Contribute figures."""
    yield from ()


def loops() -> Iterator[Loop]:
    """Contribute loops."""
    yield from ()


def backup_files() -> Iterator[BackupFiles]:
    """Contribute files that belong to a backup."""
    yield from ()


def startup(app: flask.Flask) -> None:
    """Be told that the server starts."""


def shutdown(app: flask.Flask) -> None:
    """Be told that the server stops."""


def event(event: Event) -> None:
    """Be told of something that happened."""
