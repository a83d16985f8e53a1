"""The live copy of the Swarm: readers take snapshots, the watcher hands in what it read.

Readings overlap: a list that was asked for before a write may arrive after what was read back after that write. So each
reading takes a ticket when it starts, and what a later ticket brought is never replaced by an earlier one.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from crane_core.engine.records import Network, Service, Task, time_key
from crane_core.engine.snapshot import Change, Kind
from crane_core.engine.snapshot import Snapshot as Snapshot
from crane_core.engine.snapshot import Source as Source

log = logging.getLogger(__name__)

Callback = Callable[[Snapshot, Snapshot], None]


class Subscription:
    """Somebody who is told of changes until it is closed."""

    def __init__(self, cache: Cache, callback: Callback, watching: bool) -> None:
        self._cache = cache
        self.callback = callback
        self.watching = watching
        self.closed = False

    def close(self) -> None:
        """Be told no more."""
        self._cache.unsubscribe(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Cache:
    """The live copy.

    :param clock: Returns seconds; ages are measured with it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._closed = False
        self._snapshot = Snapshot()
        self._changed = threading.Condition()
        self._tickets = itertools.count(1)
        # The ticket of the last reading of single objects, until a reading of all that began later has arrived.
        self._singles: dict[tuple[Kind, str], int] = {}
        self._lists: dict[Kind, int] = {}
        self._subscriptions: tuple[Subscription, ...] = ()
        self._undelivered: deque[tuple[Snapshot, Snapshot, tuple[Subscription, ...]]] = deque()
        self._delivering = False

    # Reading

    def snapshot(self) -> Snapshot:
        """Return everything that is known now."""
        return self._snapshot

    def snapshot_and_subscribe(self, callback: Callback, watching: bool = False) -> tuple[Snapshot, Subscription]:
        """Return everything that is known now, and call back for every change from then on.

        :param callback: Called with the old and the new snapshot, in order, on the thread that wrote; to be quick.
        :param watching: Whether somebody looks at it, so that the Swarm is to be read often.
        """
        subscription = Subscription(self, callback, watching)
        with self._changed:
            self._subscriptions += (subscription,)
            return self._snapshot, subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Call back no more."""
        with self._changed:
            subscription.closed = True
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def wait_for_change(self, version: int, timeout: float | None = None) -> Snapshot:
        """Wait until there is another version than this, at most ``timeout`` seconds; return what there is then."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._snapshot.version != version, timeout)
            return self._snapshot

    def close(self) -> None:
        """Let nobody wait for a change any more: the server stops."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def watched(self) -> bool:
        """Whether a subscriber looks at what changes."""
        return any(subscription.watching for subscription in self._subscriptions)

    def sources(self) -> list[dict[str, Any]]:
        """Return the ``sources`` member of a list that comes from here."""
        return [self._snapshot.source.to_json(self.clock())]

    # Writing

    def begin(self) -> int:
        """Return the ticket of a reading that begins now."""
        return next(self._tickets)

    def put_all(self, kind: Kind, records: Iterable[Any], ticket: int) -> set[str]:
        """Take a list of all objects of a kind; return the ids of those that are new, changed or gone.

        The tasks of services that are gone go with them.
        """
        with self._changed:
            if ticket < self._lists.get(kind, 0):
                return set()
            self._lists[kind] = ticket
            known: Mapping[str, Any] = getattr(self._snapshot, kind)
            read = {record.id: record for record in records}
            later = {id_ for (of, id_), single in self._singles.items() if of == kind and single > ticket}
            self._forget_singles(kind, ticket)
            changes = [Change(kind, id_, None) for id_ in known if id_ not in read and id_ not in later]
            changes += [
                Change(kind, id_, record)
                for id_, record in read.items()
                if id_ not in later and not _same(known.get(id_), record)
            ]
            self._write(changes)
        self._deliver()
        return {change.id for change in changes}

    def put_some(self, kind: Kind, ids: Collection[str], records: Iterable[Any], ticket: int) -> set[str]:
        """Take single objects that were asked for by id, where what is missing is gone; return what changed."""
        with self._changed:
            known: Mapping[str, Any] = getattr(self._snapshot, kind)
            read = {record.id: record for record in records}
            changes: list[Change] = []
            for id_ in {*ids, *read}:
                if ticket < max(self._singles.get((kind, id_), 0), self._lists.get(kind, 0)):
                    continue
                self._singles[kind, id_] = ticket
                record = read.get(id_)
                if record is None and id_ in known:
                    changes.append(Change(kind, id_, None))
                elif record is not None and not _same(known.get(id_), record):
                    changes.append(Change(kind, id_, record))
            self._write(changes)
        self._deliver()
        return {change.id for change in changes}

    def put_tasks(self, service_ids: Collection[str] | None, tasks: Iterable[Task], ticket: int) -> set[str]:
        """Take the tasks of these services, or all tasks; return the ids of the services whose tasks changed.

        Tasks of services that are gone are not kept.
        """
        by_service: dict[str, list[Task]] = {}
        for task in tasks:
            by_service.setdefault(task.ServiceID, []).append(task)
        with self._changed:
            old = self._snapshot
            if service_ids is None:
                if ticket < self._lists.get("tasks", 0):
                    return set()
                self._lists["tasks"] = ticket
                service_ids = {*old.tasks, *by_service}
            changes: list[Change] = []
            for id_ in service_ids:
                if ticket < max(self._singles.get(("tasks", id_), 0), self._lists.get("tasks", 0)):
                    continue
                self._singles["tasks", id_] = ticket
                read = by_service.get(id_, []) if id_ in old.services else []
                if (change := _change_of_tasks(id_, old.tasks.get(id_), read)) is not None:
                    changes.append(change)
            self._forget_singles("tasks", self._lists.get("tasks", 0))
            self._write(changes)
        self._deliver()
        return {change.id for change in changes}

    def set_fresh(self) -> None:
        """Note that what is known has just been read."""
        self._set_source(lambda old: Source(old.name, "fresh", self.clock()))

    def set_stale(self, error: str, since: float = float("inf")) -> None:
        """Note that reading failed, and why.

        :param since: When that was begun which failed; what was read later than that stays fresh.
        """

        def make(old: Source) -> Source:
            if old.state == "fresh" and (old.read_at or 0.0) > since:
                return old
            return Source(old.name, "never" if old.read_at is None else "stale", old.read_at, error)

        self._set_source(make)

    def _set_source(self, make: Callable[[Source], Source]) -> None:
        with self._changed:
            old = self._snapshot
            self._snapshot = old.with_source(make(old.source))
            # A new age is no news; another state is.
            if (old.source.state, old.source.error) != (self._snapshot.source.state, self._snapshot.source.error):
                self._announce(old)
        self._deliver()

    def _write(self, changes: list[Change]) -> None:
        gone = [change.id for change in changes if change.kind == "services" and change.value is None]
        old = self._snapshot
        changes += [Change("tasks", id_, None) for id_ in gone if id_ in old.tasks]
        self._snapshot = old.replay(changes)
        if self._snapshot is not old:
            self._announce(old)

    def _forget_singles(self, kind: Kind, ticket: int) -> None:
        for key in [key for key, single in self._singles.items() if key[0] == kind and single <= ticket]:
            del self._singles[key]

    def _announce(self, old: Snapshot) -> None:
        self._changed.notify_all()
        if self._subscriptions:
            self._undelivered.append((old, self._snapshot, self._subscriptions))

    def _deliver(self) -> None:
        """Call the subscribers, outside the lock, one thread at a time so that the order holds."""
        while True:
            with self._changed:
                if self._delivering or not self._undelivered:
                    return
                self._delivering = True
                old, new, subscriptions = self._undelivered.popleft()
            try:
                for subscription in subscriptions:
                    if not subscription.closed:
                        _call(subscription.callback, old, new)
            finally:
                with self._changed:
                    self._delivering = False


def _call(callback: Callback, old: Snapshot, new: Snapshot) -> None:
    try:
        callback(old, new)
    except Exception:
        # A subscriber may be a plugin's: its failure must not stop the copy from being kept true.
        log.exception("A subscriber of the copy of the Swarm failed.")


def _same(old: Any, new: Any) -> bool:
    """Tell whether a record says what is known already; such a record is not kept."""
    if old is None:
        return False
    if isinstance(new, Network):
        return bool(old == new)
    if old.version != new.version:
        return False
    if isinstance(new, Service):
        # Counting tasks does not change a service's version. A reading without counts tells nothing new.
        if new.ServiceStatus is not None and old.ServiceStatus != new.ServiceStatus:
            return False
        return bool(old.UpdateStatus == new.UpdateStatus and old.JobStatus == new.JobStatus)
    return True


def _change_of_tasks(service_id: str, old: tuple[Task, ...] | None, read: list[Task]) -> Change | None:
    if not read:
        return None if old is None else Change("tasks", service_id, None)
    known = {task.id: task for task in old or ()}
    tasks = tuple(
        known[task.id] if _same(known.get(task.id), task) else task
        for task in sorted(read, key=lambda task: (time_key(task.CreatedAt), task.id))
    )
    if old is not None and len(old) == len(tasks) and all(a is b for a, b in zip(old, tasks, strict=True)):
        return None
    return Change("tasks", service_id, tasks)
