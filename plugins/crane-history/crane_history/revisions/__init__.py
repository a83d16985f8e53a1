"""Revisions of stacks: what was deployed, by whom, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crane_database import BackupFiles

from crane_core.context import get_crane
from crane_core.contributions import Column, Page, PageAction, Setting
from crane_core.events import Event
from crane_core.orchestration.operations.model import Operation
from crane_core.orchestration.plans.model import Plan
from crane_history.revisions.operations import keep, note_end
from crane_history.revisions.routes import blueprint
from crane_history.revisions.sealing import KEY_FILE

if TYPE_CHECKING:
    import flask


def settings() -> Iterator[Setting]:
    """Contribute settings."""
    yield Setting("history.revisions", int, 50, "How many revisions of each stack are kept.")


def routes() -> Iterator[flask.Blueprint]:
    """Contribute routes."""
    yield blueprint


def pages() -> Iterator[Page]:
    """Contribute pages of the panel."""
    yield Page(
        "/stack-revisions",
        "Stack revisions",
        "applications",
        "stack:read",
        source="/api/v1/stack-revisions",
        columns=(
            Column("id", "Revision", link="/operations/{operation}"),
            Column("stack", "Stack", link="/stacks/{stack}"),
            Column("by", "By"),
            Column("at", "When", kind="moment"),
            Column("outcome", "Outcome", kind="state"),
            Column("changed", "Changed"),
            Column("cause", "Cause"),
        ),
        actions=(
            PageAction(
                "Roll back",
                "POST",
                "/api/v1/stacks/{stack}/revisions/{number}/rollback",
                "stack:update",
                confirm="Deploy {id} again, with the images that it had?",
            ),
        ),
        # Not among the columns, so that the order stays that of the list: the newest first.
        key="operation",
        words={
            "zh-CN": {
                "Stack revisions": "堆栈修订",
                "Revision": "修订",
                "Stack": "堆栈",
                "By": "操作人",
                "When": "时间",
                "Outcome": "结果",
                "Changed": "变更",
                "Cause": "原因",
                "Roll back": "回到此修订",
                "Deploy {id} again, with the images that it had?": "重新部署 {id}，并使用当时的镜像？",
            }
        },
    )


def backup_files() -> Iterator[BackupFiles]:
    """Contribute files that belong to a backup."""
    # Without it no revision can be deployed again.
    yield BackupFiles(KEY_FILE)


def event(event: Event) -> None:
    """Be told of something that happened."""
    note_end(event)


def operation(operation: Operation, plan: Plan) -> None:
    """Be told of an operation that starts."""
    keep(get_crane(), operation, plan)
