"""How fast the timeline is written and checked, on SQLite."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from crane_database import session
from crane_history.timeline.chain import check
from crane_history.timeline.entries import Entry
from crane_history.timeline.writer import BATCH, Writer

from crane_core import app as application
from crane_core.events import Event
from crane_core.plugins import discover
from crane_core.testing import MemoryAdapter, MemorySwarm
from tests.bench.figures import Figure

LINES = 5000
EVENT = Event(
    "service.updated",
    "shop_web",
    id="89z1x49o523uvwt1e7hhzk293",
    stack="shop",
    by="ann",
    detail={"operation": "ee9eadd6f360d358", "note": "As long as what most events tell besides. " * 4},
)


def measure(directory: Path) -> Iterator[Figure]:
    """Measure how many lines a second are written, through to the disk, and checked."""
    app = application.create_app(
        {"server.data_directory": str(directory)},
        environ={},
        plugins=[replace(plugin) for plugin in discover() if plugin.name in ("database", "history")],
        transport=MemoryAdapter(MemorySwarm(nodes=1)),
    )
    application.start(app)
    try:
        writer: Writer = app.extensions["crane"].room(Writer)
        began = time.perf_counter()
        for _ in range(LINES):
            writer.add(Entry.from_event(EVENT))
        handed_over = time.perf_counter()
        if not writer.drain(120) or writer.dropped:
            raise RuntimeError("The timeline was not written.")
        written = time.perf_counter()
        with session(app):
            proof = check()
        checked = time.perf_counter()
    finally:
        application.stop(app)
    if proof.broken or proof.lines < LINES:
        raise RuntimeError("The timeline is not as it was written.")
    note = f"{LINES:,} lines on SQLite, at most {BATCH} in a transaction"
    yield Figure("Lines of the timeline written", LINES / (written - began), 1000, "a second", True, note)
    each = (handed_over - began) / LINES * 1_000_000
    yield Figure("What whoever tells the timeline waits", each, 500, "µs", note="with its detail made JSON, and hidden")
    yield Figure("Lines of the timeline checked", proof.lines / (checked - written), 10_000, "a second", True)
