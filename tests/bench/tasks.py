"""What it costs to write down the tasks of a busy Swarm: 1,000 changes a second on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from crane_history.tasks.recorder import Recorder

from crane_core import app as application
from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.records import Task
from crane_core.engine.snapshot import Change
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm
from crane_core.testing.population import populate
from tests.bench.client import percentile
from tests.bench.figures import Figure

SERVICES, TASKS = 200, 1000
# Each task changes this often; bounded, so that it ends soon.
ROUNDS = 10
STATES = ("assigned", "preparing", "starting", "running", "failed")


def measure(directory: Path) -> Iterator[Figure]:
    """Measure how fast changes of tasks are written, and how long the watcher is held up by it."""
    swarm = MemorySwarm(nodes=3)
    populate(swarm, SERVICES, TASKS)
    app = application.create_app(
        {"server.data_directory": str(directory / "data")},
        environ={},
        plugins=[plugin for plugin in discover() if plugin.name in ("database", "history")],
        transport=MemoryAdapter(swarm),
    )
    crane: Crane = app.extensions["crane"]
    crane.watcher.look(full=True)
    application.start(app)
    try:
        # The server's own recorder goes on beside it, as another server on the same database would.
        recorder = Recorder(crane)
        with app.app_context():
            recorder.write()
            held_up, written, seconds = _write(recorder, crane.cache.snapshot())
    finally:
        application.stop(app)
    note = f"{written} changes in batches of {TASKS}"
    yield Figure(
        "changes of tasks written on SQLite", written / seconds, 1000, "a second", more_is_better=True, note=note
    )
    note = f"p99 of {len(held_up)}, for {TASKS} changes at once"
    yield Figure("the watcher is held up by writing tasks", percentile(held_up, 99), 50, "ms", note=note)


def _write(recorder: Recorder, snapshot: Snapshot) -> tuple[list[float], int, float]:
    """Change all tasks again and again; return how long handing over took each time, how many, and how long in all."""
    held_up: list[float] = []
    written, began = recorder.written, time.monotonic()
    for number in range(ROUNDS):
        state = STATES[number % len(STATES)]
        changes = [
            Change("tasks", service, tuple(_move(task, state, number) for task in tasks))
            for service, tasks in snapshot.tasks.items()
        ]
        later = snapshot.replay(changes)
        at = time.monotonic()
        recorder.note(snapshot, later)
        held_up.append(time.monotonic() - at)
        recorder.write()
        snapshot = later
    return held_up, recorder.written - written, time.monotonic() - began


def _move(task: Task, state: str, number: int) -> Task:
    status = msgspec.structs.replace(task.Status, State=state, Err="task: non-zero exit (1)" * (state == "failed"))
    version = type(task.Version)(task.version + 1_000_000 + number)
    return msgspec.structs.replace(task, Version=version, Status=status)
