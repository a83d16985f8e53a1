"""The watcher: keeps the live copy of the Swarm true.

It looks at the list of services, which tells how many tasks run, at a short interval while somebody watches and at a
long one otherwise. It reads tasks only where that list shows that something happened, or where a node or a container
changed. The Engine's events make it look sooner, and say what else to read again; they are never believed themselves,
because they do not mention tasks and are lost without a word. When the Engine cannot be reached the copy stays, says
so, and is read anew afterwards.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from crane_core.contributions import Loop
from crane_core.engine.cache import Cache
from crane_core.engine.client import Engine, Readable
from crane_core.engine.rechecks import Recheck, Rechecks
from crane_core.engine.records import Task
from crane_core.engine.snapshot import Kind, Snapshot
from crane_core.engine.streaming import EventStream
from crane_core.errors import CraneError, NotFound
from crane_core.loops import RANDOM, LoopRunner

log = logging.getLogger(__name__)

# How long after a list was asked for somebody is taken to watch, in seconds.
INTEREST_SECONDS = 30.0
# Tasks that were last read in whole longer ago than this are read again when somebody begins to watch.
OLDEST_TASKS_SECONDS = 60.0
# Several events come together; one look serves them all.
DEBOUNCE_SECONDS = 0.05
# However many events there are, looks are this far apart.
LEAST_GAP_SECONDS = 0.2
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 10.0
# Tasks leave a node that changed, and start elsewhere, within this time.
MOVING_SECONDS = 30.0
# A manager knows what happened to a container within this time.
REPORTING_SECONDS = 5.0
# Asking for the tasks of more services than this one by one costs more than asking for all tasks.
MOST_FILTERED = 100

_LISTS: tuple[Kind, ...] = ("nodes", "networks", "configs", "secrets")
# An Engine tells that a network was removed, and lists it until its own containers have left it.
FIRST_NETWORKS_SECONDS = 1.0
LONGEST_NETWORKS_SECONDS = 32.0
_KIND_OF_EVENT: dict[str, Kind] = {"node": "nodes", "network": "networks", "config": "configs", "secret": "secrets"}


@dataclass(frozen=True)
class Intervals:
    """How often to look, in seconds: while somebody watches, while an operation follows, otherwise, and at all."""

    short: float = 1.0
    attended: float = 0.3
    long: float = 15.0
    full: float = 300.0


class Watcher:
    """Keeps one cache true to one Engine.

    :param clock: Returns seconds, and never goes back; the cache's own unless given.
    :param jitter: Returns a factor for pauses, so that servers which failed together do not come back together.
    """

    def __init__(
        self,
        engine: Engine,
        cache: Cache,
        intervals: Intervals | None = None,
        *,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[], float] = lambda: RANDOM.uniform(0.8, 1.2),
    ) -> None:
        self.engine = engine
        self.cache = cache
        self.intervals = intervals or Intervals()
        self.full_readings = 0
        # Whether the Engine's events are followed; while they are not, lists are read more often.
        self.listening = False
        self._clock = clock or cache.clock
        self._jitter = jitter
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._loops = LoopRunner()
        self._stream: EventStream | None = None
        self._listeners: tuple[Callable[[Mapping[str, Any]], None], ...] = ()
        self._attended: Counter[str] = Counter()
        self._rechecks = Rechecks()
        self._dirty: set[Kind] = set()
        self._networks_again: Recheck | None = None
        self._full_wanted = True
        self._interest_until = float("-inf")
        self._looked_at = float("-inf")
        self._lists_read_at = float("-inf")
        self._full_at = float("-inf")
        self._woken_at: float | None = None
        self._retry = FIRST_RETRY_SECONDS
        self._retry_at: float | None = None

    @classmethod
    def from_settings(cls, engine: Engine, cache: Cache, settings: Readable) -> Watcher:
        """Make a watcher that looks as often as the settings ``watch.*`` say."""
        short = float(settings["watch.short_seconds"])
        return cls(
            engine,
            cache,
            Intervals(
                short=short,
                attended=min(Intervals.attended, short),
                long=float(settings["watch.long_seconds"]),
                full=float(settings["watch.full_seconds"]),
            ),
        )

    # Running

    def start(self) -> None:
        """Start watching, on two threads of its own, each of which is started again should it fail."""
        self._stop.clear()
        self._loops = LoopRunner()
        self._loops.start([Loop("engine.watch", self._run), Loop("engine.events", self._follow_events)])

    def stop(self) -> None:
        """Stop watching, and wait until it has."""
        self._stop.set()
        self._wake.set()
        self._close_stream()
        self._loops.stop()

    def step(self) -> float:
        """Look if it is time to, and return the seconds until it will be time again. Raises nothing."""
        if (pause := self._pause()) > 0:
            return pause
        # A failure is in the cache's source, and has been logged.
        with suppress(CraneError):
            self.look()
        return self._pause()

    def look(self, full: bool = False) -> Snapshot:
        """Look at the Swarm now, and return what there is. Raises what the Engine's refusal is translated to.

        :param full: Whether to read everything again.
        """
        with self._looking:
            now = self._clock()
            with self._lock:
                full = full or self._full_wanted or now - self._full_at >= self.intervals.full
                dirty = set(_LISTS) if full else self._find_due_lists(now)
                self._dirty -= dirty
                self._full_wanted = False
                self._woken_at = None
                self._wake.clear()
            try:
                self._read(full, dirty)
            except CraneError as error:
                self._note_failure(error)
                raise
            self._note_success(full, now)
            return self.cache.snapshot()

    def fresh(self) -> Snapshot:
        """Return a snapshot to plan from: services, networks, configs and secrets as they are now.

        Raises what the Engine's refusal is translated to.
        """
        self.look()
        for kind in ("networks", "configs", "secrets"):
            self._read_list(kind)
        return self.cache.snapshot()

    # Being told

    def wake(self) -> None:
        """Look soon."""
        with self._lock:
            if self._woken_at is None:
                self._woken_at = self._clock()
        self._wake.set()

    def doubt(self, error: str, since: float) -> None:
        """Note that the Engine did not answer others: what is known counts as old until a look succeeds.

        :param since: When they asked, on the clock of the cache: a look may have succeeded meanwhile.
        """
        self.cache.set_stale(error, since)
        self.wake()

    def retry(self) -> None:
        """Note that the Engine answers again: there is no reason to wait any longer."""
        with self._lock:
            if self._retry_at is not None:
                self._retry_at = self._clock()
        self.wake()

    def note_interest(self) -> None:
        """Note that somebody asked for a list just now, and may do so again."""
        now = self._clock()
        with self._lock:
            was_watched = now < self._interest_until
            self._interest_until = now + INTEREST_SECONDS
            # At the long interval a task may have died and been replaced between two looks, unseen.
            if not was_watched and now - self._full_at > OLDEST_TASKS_SECONDS:
                self._full_wanted = True
        if not was_watched:
            self._wake.set()

    @contextmanager
    def attend(self, service_ids: Iterable[str]) -> Iterator[None]:
        """Look often, and read the tasks of these services each time, while the block runs."""
        ids = list(service_ids)
        with self._lock:
            self._attended.update(ids)
        self.wake()
        try:
            yield
        finally:
            with self._lock:
                self._attended.subtract(ids)
                self._attended = +self._attended

    def expect(self, service_ids: Iterable[str], seconds: float = REPORTING_SECONDS) -> None:
        """Read the tasks of these services with the next looks, for so long."""
        self._rechecks.expect(service_ids, self._clock(), seconds)

    def refresh(
        self,
        *,
        services: Collection[str] = (),
        networks: Collection[str] = (),
        configs: Collection[str] = (),
        secrets: Collection[str] = (),
        nodes: Collection[str] = (),
    ) -> Snapshot:
        """Read objects again that were just written, so that whoever wrote them reads what they wrote.

        Services are given by id, or by name where they are known already.

        Services bring their tasks along; of the other kinds the whole list is read, which is short. Raises nothing: the
        write stands even if it cannot be read back now, and the next look will.
        """
        try:
            if services:
                self._read_services(list(services))
            for kind, ids in (("nodes", nodes), ("networks", networks), ("configs", configs), ("secrets", secrets)):
                if ids:
                    self._read_list(kind)
        except CraneError as error:
            log.info("What was just written could not be read back: %s", error)
        self.wake()
        return self.cache.snapshot()

    # Reading

    def _read(self, full: bool, lists: set[Kind]) -> None:
        ticket = self.cache.begin()
        changed = self.cache.put_all("services", self.engine.services(status=True), ticket)
        for kind in _LISTS:
            if kind in lists:
                self._read_list(kind)
        if full:
            self._read_tasks(None)
            return
        due = self._find_due_services(changed)
        if len(due) > MOST_FILTERED:
            self._read_tasks(None)
        elif due:
            self._read_tasks(due)

    def _read_list(self, kind: str) -> None:
        ticket = self.cache.begin()
        match kind:
            case "nodes":
                self._expect_moves(self.cache.put_all("nodes", self.engine.nodes(), ticket))
            case "networks":
                self.cache.put_all("networks", self.engine.networks(), ticket)
            case "configs":
                self.cache.put_all("configs", self.engine.configs(), ticket)
            case "secrets":
                self.cache.put_all("secrets", self.engine.secrets(), ticket)

    def _read_services(self, keys: list[str]) -> None:
        before = self.cache.snapshot()
        ids = [named.id if (named := before.service_named(key)) is not None else key for key in keys]
        ticket = self.cache.begin()
        self.cache.put_some("services", ids, self.engine.services(status=True, ids=ids), ticket)
        known = self.cache.snapshot().services
        if present := [id_ for id_ in ids if id_ in known]:
            self._read_tasks(present)

    def _read_tasks(self, service_ids: Collection[str] | None) -> None:
        ticket = self.cache.begin()
        if service_ids is None:
            self.cache.put_tasks(None, self.engine.tasks(), ticket)
            return
        try:
            tasks = self.engine.tasks(service_ids)
        except NotFound:
            # One of the services was removed since it was listed, and the Engine then answers for none of them.
            tasks = [task for id_ in service_ids for task in self._read_tasks_if_any(id_)]
        self.cache.put_tasks(service_ids, tasks, ticket)

    def _read_tasks_if_any(self, service_id: str) -> list[Task]:
        try:
            return self.engine.tasks([service_id])
        except NotFound:
            return []

    # Deciding

    def _find_due_services(self, changed: set[str]) -> set[str]:
        """Return the services whose tasks are to be read: changed, attended, or to be looked at again."""
        services = self.cache.snapshot().services
        with self._lock:
            due = {id_ for id_ in (*changed, *self._attended) if id_ in services}
        return due | self._rechecks.find_due(services, changed, self._clock())

    def _expect_moves(self, node_ids: Iterable[str]) -> None:
        # A drain moves tasks away, and so do labels that no longer fit.
        snapshot = self.cache.snapshot()
        self.expect({task.ServiceID for id_ in node_ids for task in snapshot.tasks_on(id_)}, MOVING_SECONDS)

    def _find_due_lists(self, now: float) -> set[Kind]:
        due = set(self._dirty)
        again = self._networks_again
        if again is not None and now >= again.at:
            due.add("networks")
            pause = again.pause * 2
            self._networks_again = Recheck(now + pause, pause) if pause <= LONGEST_NETWORKS_SECONDS else None
        if now - self._lists_read_at >= self.intervals.long:
            due.add("nodes")
            if not self.listening:
                # Nobody tells of changes, so that all has to be looked at.
                due.update(_LISTS)
        return due

    def _interval(self, now: float) -> float:
        if self._attended:
            return self.intervals.attended
        if now < self._interest_until or self.cache.watched:
            return self.intervals.short
        return self.intervals.long

    def _pause(self) -> float:
        """Return the seconds until the next look; none are left when it is 0 or less."""
        now = self._clock()
        with self._lock:
            if self._retry_at is not None:
                return self._retry_at - now
            at = self._looked_at + self._interval(now)
            if self._full_wanted:
                at = self._looked_at + LEAST_GAP_SECONDS
            if self._woken_at is not None:
                at = min(at, max(self._woken_at + DEBOUNCE_SECONDS, self._looked_at + LEAST_GAP_SECONDS))
            if self._networks_again is not None:
                at = min(at, self._networks_again.at)
            return at - now

    def _note_success(self, full: bool, started: float) -> None:
        now = self._clock()
        was_gone = self._retry_at is not None
        with self._lock:
            self._retry, self._retry_at = FIRST_RETRY_SECONDS, None
            self._looked_at = now
            if full:
                self._full_at = self._lists_read_at = started
                self.full_readings += 1
            elif started - self._lists_read_at >= self.intervals.long:
                self._lists_read_at = started
        self.cache.set_fresh()
        if was_gone:
            log.info("The Docker Engine at %s is back.", self.engine.url)

    def _note_failure(self, error: CraneError) -> None:
        with self._lock:
            first = self._retry_at is None
            self._retry_at = self._clock() + self._retry * self._jitter()
            self._retry = min(self._retry * 2, LONGEST_RETRY_SECONDS)
            # Whatever was missed in the meantime, a list will show.
            self._full_wanted = True
        if first:
            log.warning("The Swarm cannot be read, and will be tried again: %s", error)
        self.cache.set_stale(str(error))
        # A stream from an Engine that is gone may stay silent for ever.
        self._close_stream()

    # The threads. They end by the watcher's own event, which is set before their waits are broken off.

    def _run(self, stop: threading.Event) -> None:
        while not self._stop.is_set():
            pause = self.step()
            if self._wake.wait(max(pause, 0.0)):
                self._wake.clear()

    def _follow_events(self, stop: threading.Event) -> None:
        pause = FIRST_RETRY_SECONDS
        while not self._stop.is_set():
            try:
                stream = self.engine.events(self._stop)
            except CraneError:
                self._stop.wait(pause * self._jitter())
                pause = min(pause * 2, LONGEST_RETRY_SECONDS)
                continue
            pause = FIRST_RETRY_SECONDS
            self._stream, self.listening = stream, True
            if self._stop.is_set():
                stream.close()
            # What happened while nobody listened is only in the lists.
            with self._lock:
                self._dirty.update(_LISTS)
            self.wake()
            try:
                for event in stream:
                    self.hear(event)
            except CraneError as error:
                log.info("The Engine's events ended and will be followed again: %s", error)
            finally:
                self._stream, self.listening = None, False
            self._stop.wait(pause * self._jitter())

    def listen(self, listener: Callable[[Mapping[str, Any]], None]) -> None:
        """Tell somebody of each event of the Engine from now on, in order; it must not wait."""
        with self._lock:
            self._listeners += (listener,)

    def hear(self, event: dict[str, Any]) -> None:
        """Take note of an event of the Engine."""
        for listener in self._listeners:
            listener(event)
        kind = _KIND_OF_EVENT.get(str(event.get("Type")))
        with self._lock:
            if kind is not None:
                self._dirty.add(kind)
            if kind == "networks" and event.get("Action") == "remove":
                pause = FIRST_NETWORKS_SECONDS
                self._networks_again = Recheck(self._clock() + pause, pause)
        self.wake()

    def _close_stream(self) -> None:
        if (stream := self._stream) is not None:
            stream.close()
