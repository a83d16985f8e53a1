"""Writing tasks down: taken from the live copy of the Swarm as they change, written in batches by a loop of its own.

The watcher only hands over what changed. Several servers on one database see the same tasks; each fact has a key, and
what is there already is not written again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crane_database import JSON, BigInteger, Boolean, String, Text, UtcDateTime, sa, session

from crane_core.context import Crane
from crane_core.engine.cache import Snapshot
from crane_core.engine.node_events import NodeEvents
from crane_core.engine.records import ENDED_TASK_STATES
from crane_core.events import Event
from crane_core.orchestration.operations.causes import Cause
from crane_history.tasks import facts
from crane_history.tasks.facts import Fact
from crane_history.tasks.models import ServiceRow, StateRow, TaskRow
from crane_history.tasks.outputs import Outputs

log = logging.getLogger(__name__)

BATCH = 1000
# Far more than a large Swarm changes in a second; beyond it the Swarm is read anew instead.
MOST_WAITING = 50_000
PAUSE_SECONDS = 0.25
# What befell a container is why its task ended within so many seconds, and not why it does later.
CAUSE_SECONDS = 30.0
# SQLite takes this many values in one statement at the least.
MOST_VALUES = 900


# What was found out about a container, or done to it, is more than the Swarm will ever tell of its task.
_FOUND_OUT = "history_task.cause_code IN ('out-of-memory', 'ended-by-hand')"


def _newer(table: str, column: str) -> str:
    newer = f"excluded.{column}"
    kept = column in ("cause_code", "cause", "advice")
    return f"CASE WHEN {_FOUND_OUT} THEN {table}.{column} ELSE {newer} END" if kept else newer


def _upsert(model: type[Any], keys: tuple[str, ...], types: dict[str, Any], replace: str = "") -> sa.TextClause:
    """Return the statement that writes a row, unless it is there; for both databases, and many rows at once.

    :param replace: The condition on which the row that is there is replaced.
    """
    table, columns = model.__tablename__, list(types)
    # Made of the names of tables and columns alone.
    into = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{column}' for column in columns)})"  # noqa: S608
    replaced = ", ".join(f"{column} = {_newer(table, column)}" for column in columns if column not in keys)
    # What the Swarm told of last is not gone, whatever another server had thought.
    rule = f"UPDATE SET {replaced}, gone_at = NULL WHERE {replace}" if replace else "NOTHING"
    text = f"{into} ON CONFLICT ({', '.join(keys)}) DO {rule}"
    return sa.text(text).bindparams(*(sa.bindparam(name, type_=kind) for name, kind in types.items()))


_WRITE_TASK = _upsert(
    TaskRow,
    ("id",),
    {
        "id": String(),
        "version": BigInteger(),
        "service_id": String(),
        "slot": BigInteger(),
        "place": String(),
        "node_id": String(),
        "node": String(),
        "node_state": String(),
        "image": Text(),
        "state": String(),
        "desired_state": String(),
        "exit_code": BigInteger(),
        "error": Text(),
        "memory_limit": BigInteger(),
        "died": Boolean(),
        "cause_code": String(),
        "cause": Text(),
        "advice": Text(),
        "created_at": UtcDateTime(),
        "at": UtcDateTime(),
    },
    # That a task was lost with its node is told by the node: the task itself need not have changed since.
    replace="history_task.version < excluded.version "
    "OR (history_task.version = excluded.version AND excluded.died AND NOT history_task.died)",
)
_WRITE_STATE = _upsert(
    StateRow,
    ("task_id", "state"),
    {"task_id": String(), "state": String(), "at": UtcDateTime(), "message": Text(), "error": Text()},
)
_WRITE_SERVICE = _upsert(ServiceRow, ("id",), {"id": String(), "name": String(), "stack": String(), "labels": JSON()})


class Recorder:
    """The room of one server that writes tasks down."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._waiting: deque[Fact] = deque()
        # What befell containers, by task, and until when that counts; one may want memory a thousand times.
        self._causes: dict[str, tuple[Cause, float]] = {}
        self._writing = threading.Lock()
        # How often the Swarm was to be compared with what is written (at the start, and whenever something was missed),
        # and up to which time it has been.
        self._missed_something = 1
        self._compared = 0
        self._known_services: dict[str, dict[str, Any]] = {}
        self.written = 0
        self.missed = 0
        crane.room(NodeEvents).listen(self.note_node_event)

    @property
    def waiting(self) -> int:
        """How many changes wait to be written."""
        return len(self._waiting)

    def run(self, stop: threading.Event) -> None:
        """Write down what changes until told to stop."""
        _, subscription = self._crane.cache.snapshot_and_subscribe(self.note)
        self._missed_something += 1
        with subscription:
            while not stop.wait(PAUSE_SECONDS):
                self.write()
            self.write()

    def note(self, old: Snapshot, new: Snapshot) -> None:
        """Take what changed from one snapshot to the next, and return at once."""
        if old.source.state != new.source.state == "fresh":
            self._missed_something += 1
        for fact in facts.find_facts(old, new):
            if len(self._waiting) >= MOST_WAITING:
                self.missed += 1
                self._missed_something += 1
                break
            self._waiting.append(fact)

    def note_event(self, event: Event) -> None:
        """Take who ended a task by hand, and return at once."""
        self._note_cause(facts.find_hand(event))

    def note_node_event(self, node_id: str, event: Mapping[str, Any] | None) -> None:
        """Take whose memory was wanting, and return at once."""
        self._note_cause(facts.find_want_of_memory(event or {}))

    def _note_cause(self, found: tuple[str, Cause] | None) -> None:
        if found is not None:
            task_id, cause = found
            self._causes[task_id] = cause, self._crane.cache.clock() + CAUSE_SECONDS

    def write(self) -> None:
        """Write down what waits, and compare with the Swarm if something may have been missed."""
        with self._writing:
            wanted = self._missed_something
            if wanted != self._compared and self._crane.cache.snapshot().source.state == "fresh":
                self._write_all(self._find_missed())
                self._compared = wanted
            while self._waiting:
                # It waits until it is written; more may come meanwhile, at the other end.
                batch = [self._waiting[index] for index in range(min(BATCH, len(self._waiting)))]
                self.write_batch(batch)
                for _ in batch:
                    self._waiting.popleft()
            for task_id, noted in self._causes.copy().items():
                cause, until = noted
                # The Swarm tells that the task has ended, if it has, a moment after it was done.
                is_over = self._write_cause(task_id, cause) or self._crane.cache.clock() >= until
                if is_over and self._causes.get(task_id) is noted:
                    del self._causes[task_id]

    def _write_all(self, found: Iterable[Fact]) -> None:
        every = list(found)
        for start in range(0, len(every), BATCH):
            self.write_batch(every[start : start + BATCH])

    def write_batch(self, batch: list[Fact]) -> None:
        """Write facts down in one transaction, and have the outputs of what died taken."""
        seen = [fact for fact in batch if fact.gone_at is None]
        newest = {fact.task.id: fact for fact in sorted(seen, key=lambda fact: fact.task.version)}
        # In one order everywhere, so that two servers never wait for each other's rows.
        tasks = [facts.task_values(newest[id_]) for id_ in sorted(newest)]
        states = {(row["task_id"], row["state"]): row for fact in seen for row in facts.state_values(fact)}
        gone = sorted((fact.task.id, fact.gone_at) for fact in batch if fact.gone_at is not None)
        with session() as database:
            connection = database.connection()
            self._write_services(connection, seen)
            if tasks:
                connection.execute(_WRITE_TASK, tasks)
                connection.execute(_WRITE_STATE, [states[key] for key in sorted(states)])
            for id_, at in gone:
                named = sa.update(TaskRow).where(TaskRow.id == id_, TaskRow.gone_at.is_(None))
                connection.execute(named.values(gone_at=at))
            database.commit()
        self.written += len(batch)
        self._crane.room(Outputs).want([fact for fact in newest.values() if facts.has_died(fact)])

    @staticmethod
    def _write_cause(task_id: str, cause: Cause) -> bool:
        """Name why a task ended, which the Swarm does not know; tells whether it is written down as ended."""
        with session() as database:
            task = database.get(TaskRow, task_id)
            ended = task is not None and task.state in ENDED_TASK_STATES
            # One of its programs may have run out of memory without being missed.
            if task is not None and ended and (task.died or cause is not facts.OUT_OF_MEMORY):
                named = sa.update(TaskRow).where(TaskRow.id == task_id)
                database.execute(named.values(facts.cause_values(cause)))
                database.commit()
        return ended

    def _write_services(self, connection: Any, seen: list[Fact]) -> None:
        rows = {fact.service.id: facts.service_values(fact.service) for fact in seen if fact.service is not None}
        for id_, row in sorted(rows.items()):
            if self._known_services.get(id_) == row:
                continue
            if not connection.execute(_WRITE_SERVICE, row).rowcount:
                connection.execute(sa.update(ServiceRow).where(ServiceRow.id == id_).values(row))
            self._known_services[id_] = row

    def _find_missed(self) -> Iterator[Fact]:
        """Yield what the Swarm tells otherwise than it is written."""
        # What another server writes meanwhile must not look as if it were gone: first what is written, then the Swarm.
        with session() as database:
            query = sa.select(TaskRow.id, TaskRow.version).where(TaskRow.gone_at.is_(None))
            written: dict[str, int] = {row.id: row.version for row in database.execute(query)}
        self._crane.watcher.look(full=True)
        snapshot = self._crane.cache.snapshot()
        known = {task.id: task for task in snapshot.all_tasks()}
        yield from (facts.see(snapshot, task) for id_, task in known.items() if written.get(id_, -1) < task.version)
        self._forget(sorted(set(written) - set(known)))
        died = [facts.see(snapshot, task) for task in known.values() if task.state in facts.DIED]
        self._crane.room(Outputs).want([fact for fact in died if fact.task.id in written])

    @staticmethod
    def _forget(ids: list[str]) -> None:
        """Note that tasks are gone which nobody saw go."""
        for start in range(0, len(ids), MOST_VALUES):
            with session() as database:
                some = sa.update(TaskRow).where(TaskRow.id.in_(ids[start : start + MOST_VALUES]))
                database.execute(some.where(TaskRow.gone_at.is_(None)).values(gone_at=facts.now()))
                database.commit()
