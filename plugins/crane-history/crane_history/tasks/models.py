"""The tables of the tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crane_database import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Mapped,
    Model,
    String,
    Text,
    mapped_column,
)


class ServiceRow(Model):
    """A service as it was when one of its tasks was last written down."""

    __tablename__ = "history_service"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    stack: Mapped[str | None] = mapped_column(String(255), index=True)
    # Plugins decide by them who may see its tasks.
    labels: Mapped[dict[str, Any]] = mapped_column(JSON)


class TaskRow(Model):
    """A task, as it was when it was last seen."""

    __tablename__ = "history_task"
    __table_args__ = (Index("ix_history_task_service_id_place_at", "service_id", "place", "at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    # Of the Swarm: what an older version says is never written over what a newer one said.
    version: Mapped[int] = mapped_column(BigInteger)
    service_id: Mapped[str] = mapped_column(String(64))
    slot: Mapped[int | None] = mapped_column(BigInteger)
    # Its slot, or the id of its node where the service runs once on each.
    place: Mapped[str] = mapped_column(String(64))
    node_id: Mapped[str] = mapped_column(String(64))
    node: Mapped[str | None] = mapped_column(String(255), index=True)
    node_state: Mapped[str | None] = mapped_column(String(50))
    image: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    desired_state: Mapped[str] = mapped_column(String(20))
    exit_code: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    memory_limit: Mapped[int | None] = mapped_column(BigInteger)
    died: Mapped[bool]
    cause_code: Mapped[str | None] = mapped_column(String(50))
    cause: Mapped[str | None] = mapped_column(Text)
    advice: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    # When it got into its state.
    at: Mapped[datetime] = mapped_column(index=True)
    # When the Swarm had forgotten it.
    gone_at: Mapped[datetime | None]


class StateRow(Model):
    """A state that a task was in; none returns to an earlier one."""

    __tablename__ = "history_task_state"

    task_id: Mapped[str] = mapped_column(ForeignKey("history_task.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
    message: Mapped[str] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)


class OutputRow(Model):
    """What a task that died had printed, or why that cannot be had."""

    __tablename__ = "history_task_output"
    __table_args__ = (Index("ix_history_task_output_service_id_at", "service_id", "at"),)

    task_id: Mapped[str] = mapped_column(ForeignKey("history_task.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[str] = mapped_column(String(64))
    # When it was taken.
    at: Mapped[datetime]
    content: Mapped[str] = mapped_column(Text)
    cut: Mapped[bool]
    error: Mapped[str | None] = mapped_column(Text)
    # What only the Engine that ran the container knows; None where it was not asked, or has forgotten.
    out_of_memory: Mapped[bool | None]
    health: Mapped[str | None] = mapped_column(Text)
