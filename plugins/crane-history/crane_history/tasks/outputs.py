"""The last words of tasks that died: taken before the Swarm removes them, bounded, credentials in them hidden."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from crane_database import IntegrityError, delete, func, insert, sa, select, session

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.engine.records import Task
from crane_core.errors import CraneError, EngineUnavailable, NotFound
from crane_core.redaction import hide_inside
from crane_history.tasks import facts
from crane_history.tasks.facts import Fact
from crane_history.tasks.models import OutputRow, TaskRow

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024
MOST_WAITING = 1000
AT_ONCE = 4
PAUSE_SECONDS = 0.25
# A node that did not answer is left alone for a while.
REST_SECONDS = 60.0


@dataclass(frozen=True)
class _Taken:
    """What was found out about one task."""

    task: Task
    content: str = ""
    cut: bool = False
    error: str | None = None
    out_of_memory: bool | None = None
    health: str | None = None


class Outputs:
    """The room of one server that takes what dead tasks had printed."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._wanted: queue.Queue[Fact] = queue.Queue(MOST_WAITING)
        self._per_service = int(crane.settings["history.outputs_per_service"])
        self._in_all = int(crane.settings["history.outputs"])
        self._resting: dict[str, float] = {}
        self.missed = 0

    def want(self, died: Iterable[Fact]) -> None:
        """Have the outputs of tasks taken soon; of each service the newest, as many as are kept."""
        newest = sorted(died, key=lambda fact: fact.task.Status.Timestamp, reverse=True)
        asked: Counter[str] = Counter()
        for fact in newest:
            asked[fact.task.ServiceID] += 1
            if not fact.task.container_id or asked[fact.task.ServiceID] > self._per_service:
                continue
            try:
                self._wanted.put_nowait(fact)
            except queue.Full:
                self.missed += 1

    def run(self, stop: threading.Event) -> None:
        """Take outputs until told to stop."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crane-outputs") as pool:
            while not stop.wait(PAUSE_SECONDS):
                while not stop.is_set() and not self._wanted.empty():
                    self._take_some(pool)

    def take(self) -> None:
        """Take the outputs that are wanted now, and wait for those that are being taken."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crane-outputs") as pool:
            while not self._wanted.empty():
                self._take_some(pool)
        self._wanted.join()

    def _take_some(self, pool: ThreadPoolExecutor) -> None:
        some: list[Fact] = []
        try:
            while len(some) < AT_ONCE:
                some.append(self._wanted.get_nowait())
        except queue.Empty:
            pass
        try:
            if some:
                self._take_all(pool, {fact.task.id: fact for fact in some})
        finally:
            for _ in some:
                self._wanted.task_done()

    def _take_all(self, pool: ThreadPoolExecutor, some: dict[str, Fact]) -> None:
        with session() as database:
            # Another server may have been quicker.
            known = set(database.scalars(select(OutputRow.task_id).where(OutputRow.task_id.in_(some))))
        taken = list(pool.map(self._take_one, [fact for id_, fact in some.items() if id_ not in known]))
        for one in taken:
            self._keep(one)
        for service_id in sorted({one.task.ServiceID for one in taken}):
            self._forget_old(service_id)

    def _take_one(self, fact: Fact) -> _Taken:
        """Find out about one task; whatever happens, it is an answer."""
        task, node = fact.task, fact.node
        name = node.name if node else task.NodeID
        if node is not None and node.state == "down":
            return _Taken(task, error=f"The node {name} was down, and what the task had printed is on it.")
        if self._clock() < self._resting.get(task.NodeID, float("-inf")):
            return _Taken(task, error=f"The node {name} did not answer a moment ago.")
        try:
            output = self._crane.engine.task_output(task.id, most=MOST_BYTES)
            content, cut, error = output.content, output.cut, output.error
        except EngineUnavailable as failed:
            self._resting[task.NodeID] = self._clock() + REST_SECONDS
            content, cut, error = b"", False, failed.detail
        except NotFound:
            content, cut, error = b"", False, "The Swarm had forgotten the task before its output could be taken."
        except CraneError as failed:
            content, cut, error = b"", False, failed.detail
        out_of_memory, health = self._look_into(task)
        text = hide_inside(content.decode(errors="replace").replace("\x00", "\ufffd"))
        return _Taken(task, text, cut, facts.clean(error) if error else None, out_of_memory, health)

    def _look_into(self, task: Task) -> tuple[bool | None, str | None]:
        """Ask its node whether its container ran out of memory, and what its last check of health said."""
        try:
            engine = self._crane.room(Pool).get(task.NodeID)
            state = engine.container(task.container_id or "").get("State") or {}
        except CraneError:
            return None, None
        checks = (state.get("Health") or {}).get("Log") or ()
        printed = " ".join(str(checks[-1].get("Output", "")).split()) if checks else ""
        out_of_memory = state.get("OOMKilled")
        return out_of_memory if isinstance(out_of_memory, bool) else None, facts.clean(printed) or None

    @staticmethod
    def _keep(taken: _Taken) -> None:
        row: dict[str, Any] = {
            "task_id": taken.task.id,
            "service_id": taken.task.ServiceID,
            "at": facts.now(),
            "content": taken.content,
            "cut": taken.cut,
            "error": taken.error,
            "out_of_memory": taken.out_of_memory,
            "health": taken.health,
        }
        with session() as database:
            try:
                database.execute(insert(OutputRow).values(row))
                if taken.out_of_memory:
                    # Only now is it known what the exit status stands for.
                    named = sa.update(TaskRow).where(TaskRow.id == taken.task.id)
                    database.execute(named.values(facts.cause_values(facts.OUT_OF_MEMORY)))
                database.commit()
            except IntegrityError:
                # Another server has it already, or the task is forgotten by now.
                database.rollback()

    def _forget_old(self, service_id: str) -> None:
        """Keep the newest outputs of a service, and of all."""
        with session() as database:
            for where, most in ((OutputRow.service_id == service_id, self._per_service), (sa.true(), self._in_all)):
                kept = database.scalar(select(func.count()).select_from(OutputRow).where(where)) or 0
                if kept > most:
                    order = (OutputRow.at.desc(), OutputRow.task_id)
                    old = select(OutputRow.task_id).where(where).order_by(*order).offset(most)
                    ids: Sequence[str] = database.scalars(old).all()
                    for start in range(0, len(ids), 500):
                        database.execute(delete(OutputRow).where(OutputRow.task_id.in_(ids[start : start + 500])))
            database.commit()
