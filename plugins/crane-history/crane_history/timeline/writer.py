"""The writer: keeps what happened, in batches, on a thread of its own, so that nobody who tells it waits."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from crane_core.context import Crane
from crane_history.timeline.entries import Entry

if TYPE_CHECKING:
    from flask import Flask

log = logging.getLogger(__name__)

# What waits at the most while the database does not answer; beyond it, memory is worth more than lines.
MOST_WAITING = 10_000
MOST_WAITING_BYTES = 32 * 1024 * 1024
# How many lines are written in one transaction.
BATCH = 500
RETRY_SECONDS = 2.0
# How long the end of the server waits for what is not written yet.
LEAVE_SECONDS = 10.0


class Writer:
    """The room of one server that writes its timeline."""

    def __init__(self, crane: Crane) -> None:
        self.written = 0
        self.dropped = 0
        # Why nothing can be written at this moment; empty when all is well.
        self.problem = ""
        self._waiting: deque[Entry] = deque()
        self._bytes = 0
        # Dropped since the timeline was last told of it.
        self._untold = 0
        self._unwritten = 0
        self._changed = threading.Condition()
        self._closing = False
        # Where the database is; None before the server starts.
        self.app: Flask | None = None
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """How many lines wait to be written."""
        return len(self._waiting) + self._unwritten

    def start(self, app: Flask) -> None:
        """Begin to write, into the database of an application."""
        self._closing, self.app = False, app
        self._thread = threading.Thread(target=self._run, args=(app,), name="crane-timeline", daemon=True)
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Hand over what happened; never waits. When too much waits already it is dropped, counted and logged."""
        with self._changed:
            if len(self._waiting) < MOST_WAITING and self._bytes + entry.size <= MOST_WAITING_BYTES:
                self._waiting.append(entry)
                self._bytes += entry.size
                self._changed.notify_all()
                return
            self.dropped += 1
            self._untold += 1
            first = self._untold == 1
        if first:
            log.error(
                "The timeline cannot be written as fast as things happen; the first that is lost: %s.", entry.kind
            )

    def drain(self, timeout: float | None = None) -> bool:
        """Wait until everything handed over so far is written; tells whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.waiting and not self._untold, timeout)

    def wait_for_news(self, written: int, seconds: float) -> int:
        """Wait until more has been written than a caller knows of, and return how much has been."""
        with self._changed:
            self._changed.wait_for(lambda: self.written != written or self._closing, seconds)
            return self.written

    @property
    def closing(self) -> bool:
        """Whether the server stops."""
        return self._closing

    def stop(self) -> None:
        """Write what is left, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(LEAVE_SECONDS)
            self._thread = None
        if left := self.waiting:
            log.error("The server stops; lines of the timeline that could not be written: %d. %s", left, self.problem)

    def _run(self, app: Flask) -> None:
        while batch := self._take():
            while not self._write(app, batch):
                with self._changed:
                    if self._changed.wait_for(lambda: self._closing, RETRY_SECONDS):
                        return

    def _take(self) -> list[Entry]:
        """Take what waits, as soon as something does; nothing when the server stops and all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._untold or self._closing)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._bytes -= sum(entry.size for entry in batch)
            if self._untold:
                # That something is missing is told where it is missing.
                batch.append(Entry.own("history.dropped", lines=self._untold))
                self._untold = 0
            self._unwritten = len(batch)
            return batch

    def _write(self, app: Flask, batch: list[Entry]) -> bool:
        from crane_database import explain, sa, session

        from crane_history.timeline.chain import append

        try:
            with session(app):
                append(batch)
        except sa.exc.SQLAlchemyError as error:
            if not self.problem:
                log.error("The timeline cannot be written; it is tried again: %s", explain(error))
            self.problem = explain(error)
            return False
        if self.problem:
            log.info("The timeline is written again.")
        with self._changed:
            self.problem = ""
            self.written += len(batch)
            self._unwritten = 0
            self._changed.notify_all()
        return True
