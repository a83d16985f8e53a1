"""The sampler: asks each node's Engine what its containers use, often only of what somebody watches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from zlib import crc32

from crane_core.context import Crane
from crane_core.engine.inventory import Inventory
from crane_core.engine.link import Link
from crane_core.engine.pool import Pool
from crane_core.errors import Conflict, CraneError, NotFound
from crane_core.monitoring.stats.book import Book, ContainerTrack

# How often what somebody watches is sampled, in seconds.
WATCHED_SECONDS = 2.0
# How long after somebody asked they are taken to watch, in seconds.
INTEREST_SECONDS = 6.0
# How often it is looked whether a container is due, in seconds.
TICK_SECONDS = 0.5
# Engines before 26 answer only with their collector's next round, which is up to a second away.
STATS_SECONDS = 4.0
# How many containers are asked about at the same time: of all nodes, of one, and of one over ssh, where each takes a
# process.
MOST_AT_ONCE = 192
MOST_OF_A_NODE = 48
MOST_OVER_SSH = 8
FORGET_SECONDS = 60.0

ALL: tuple[str, str] = ("", "")


class Sampler:
    """The room of one server that samples what containers use."""

    def __init__(self, crane: Crane) -> None:
        self._crane = crane
        self._clock = crane.cache.clock
        self._pool = crane.room(Pool)
        self._inventory = crane.room(Inventory)
        self.pace = float(crane.settings["monitoring.stats_seconds"])
        fresh = 3 * max(self.pace, WATCHED_SECONDS)
        self.book = Book(self._clock, fresh, int(crane.settings["monitoring.stats_gone"]))
        self._lock = threading.Lock()
        self._interests: dict[tuple[str, str], float] = {}
        self._asking: Counter[str] = Counter()
        self._workers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="crane-stats")
        self._wake = threading.Event()
        self._listed_at = self._forgot_at = float("-inf")

    def note_interest(self, kind: str = "", key: str = "") -> None:
        """Note that somebody watches a node, stack, service, task or container; everything unless told otherwise."""
        now = self._clock()
        with self._lock:
            known = self._interests.get((kind, key), float("-inf")) >= now
            self._interests[kind, key] = now + INTEREST_SECONDS
        if not known:
            self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Sample until told to stop."""
        while not stop.is_set():
            self.step()
            self._wake.wait(TICK_SECONDS)
            self._wake.clear()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Have :meth:`run` see that it is to stop."""
        self._wake.set()

    def step(self) -> list[Future[None]]:
        """Ask of each container that is due, without waiting; return what is on its way."""
        now = self._clock()
        watched = self._find_watched(now)
        if not watched and not self.pace:
            return []
        self._read_lists(now, often=bool(watched))
        # Before anything is asked: a sum that is made while answers come in counts some of what begins together.
        self.book.sum_up()
        begun = []
        for track in sorted(self.book.live(), key=lambda each: each.asked_at or 0.0):
            if self._is_due(track, watched, now) and (link := self._begin(track)) is not None:
                track.asked_at = now
                begun.append(self._workers.submit(self._sample, link, track))
        if now - self._forgot_at >= FORGET_SECONDS:
            self._forgot_at = now
            self.book.forget()
        return begun

    def _find_watched(self, now: float) -> frozenset[tuple[str, str]]:
        with self._lock:
            self._interests = {what: until for what, until in self._interests.items() if until >= now}
            return frozenset(self._interests)

    def _read_lists(self, now: float, often: bool) -> None:
        if now - self._listed_at < (WATCHED_SECONDS if often else self.pace):
            return
        self._listed_at = now
        snapshot = self._crane.cache.snapshot()
        self.book.keep_nodes(snapshot.nodes.keys())
        for node, shelf in self._inventory.read("containers", patience=0).shelves:
            if not self._pool.link(node.id).answers:
                continue
            if shelf.read_at is None:
                # It is about to answer for the first time: it is looked again at the next tick.
                self._listed_at = float("-inf")
            else:
                self.book.take_list(node.id, shelf.items, snapshot.services)

    def _is_due(self, track: ContainerTrack, watched: frozenset[tuple[str, str]], now: float) -> bool:
        if track.asked_at is None:
            return True
        return now - track.asked_at >= self._find_pace(track, watched)

    def _find_pace(self, track: ContainerTrack, watched: frozenset[tuple[str, str]]) -> float:
        # A rate takes two samples.
        if track.samples < 2 or not watched.isdisjoint(_interests_in(track)):
            return WATCHED_SECONDS
        if not self.pace:
            return float("inf")
        # Containers that were found together are not asked about together for ever.
        return self.pace * (0.5 + crc32(track.id.encode()) % 50 / 100) if track.samples == 2 else self.pace

    def _begin(self, track: ContainerTrack) -> Link | None:
        try:
            link = self._pool.link(track.node_id)
        except NotFound:
            return None
        over_ssh = link.endpoint is not None and link.endpoint.url.startswith("ssh:")
        with self._lock:
            if not link.answers or self._asking[link.node.id] >= (MOST_OVER_SSH if over_ssh else MOST_OF_A_NODE):
                return None
            self._asking[link.node.id] += 1
        return link

    def _sample(self, link: Link, track: ContainerTrack) -> None:
        try:
            engine = link.get()
            if not track.limits_known and not track.task_id:
                track.cpu_limit = _find_cpu_limit(engine.container(track.id).get("HostConfig") or {})
                track.limits_known = True
            self.book.record(track, engine.container_usage(track.id, STATS_SECONDS))
        except (NotFound, Conflict):
            self.book.record(track, None)
        except CraneError:
            # The pool finds out whether the node still answers; the sample grows old meanwhile.
            return
        finally:
            with self._lock:
                self._asking[link.node.id] -= 1


def _interests_in(track: ContainerTrack) -> Iterable[tuple[str, str]]:
    return (
        ALL,
        ("node", track.node_id),
        ("service", track.service_id),
        ("stack", track.stack or ""),
        ("task", track.task_id),
        ("container", track.id),
    )


def _find_cpu_limit(host_config: dict[str, object]) -> float | None:
    """Return how many processors a container may use, None where nobody set a limit."""
    nano, quota, period = (host_config.get(name) for name in ("NanoCpus", "CpuQuota", "CpuPeriod"))
    if isinstance(nano, int) and nano > 0:
        return nano / 1e9
    if isinstance(quota, int) and quota > 0:
        return quota / (period if isinstance(period, int) and period > 0 else 100_000)
    return None
