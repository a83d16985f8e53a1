"""The book of stats: the last sample of each container, sums of them, and what was sampled before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crane_core.engine.records import STACK_LABEL, Service
from crane_core.engine.usage import Usage
from crane_core.monitoring.stats.rings import FIGURES, LONGEST_SECONDS, RING_BYTES, Ring

SumKind = Literal["service", "stack", "node"]
Key = tuple[str, str]

_LABEL = "com.docker.swarm."


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at a moment of the server's clock: one number for each of the figures, or None."""

    at: float
    values: tuple[float | None, ...]

    def get(self, figure: str) -> float | None:
        """Return one figure."""
        return self.values[FIGURES.index(figure)]


class Track:
    """One thing of which is sampled, and what it used before."""

    __slots__ = ("_ring", "sample")

    def __init__(self) -> None:
        self.sample: Sample | None = None
        self._ring: Ring | None = None

    def add(self, sample: Sample) -> None:
        """Keep a sample."""
        if self._ring is None:
            self._ring = Ring()
        self.sample = sample
        self._ring.add(sample.at, sample.values)

    def points(self, figure: str, since: float, until: float, step: int, now: float) -> list[tuple[float, float]]:
        """Return one figure over a span of time."""
        return [] if self._ring is None else self._ring.points(figure, since, until, step, now)

    @property
    def bytes(self) -> int:
        """How much memory the past takes."""
        return 0 if self._ring is None else RING_BYTES


class ContainerTrack(Track):
    """A container.

    :param task_name: The name of its task without the id of the task, as in ``shop_web.1``; empty without a task.
    """

    __slots__ = (
        "asked_at", "cpu_limit", "gone_at", "id", "limits_known", "memory_limit", "name", "node_id", "samples",
        "service_id", "stack", "task_id", "task_name", "usage",
    )  # fmt: skip

    def __init__(self, node_id: str, item: Mapping[str, Any], services: Mapping[str, Service]) -> None:
        super().__init__()
        labels = item.get("Labels") or {}
        self.id = str(item["Id"])
        self.node_id = node_id
        self.name = _name_of(item)
        self.service_id = str(labels.get(f"{_LABEL}service.id", ""))
        self.task_id = str(labels.get(f"{_LABEL}task.id", ""))
        self.task_name = str(labels.get(f"{_LABEL}task.name", "")).rpartition(".")[0]
        # What a container says of itself is believed only where no service made it.
        service = services.get(self.service_id)
        own = None if self.service_id else labels.get(STACK_LABEL) or None
        self.stack: str | None = own if service is None else service.stack
        self.cpu_limit: float | None = None
        self.memory_limit: int | None = None
        self.limits_known = False
        self.usage: Usage | None = None
        self.samples = 0
        self.asked_at: float | None = None
        self.gone_at: float | None = None

    def measure(self, usage: Usage, now: float) -> bool:
        """Take what was measured; returns whether it was news."""
        before, self.usage = self.usage, usage
        if before is not None and usage.at <= before.at:
            return False
        self.samples += 1
        self.memory_limit = usage.memory_limit or None
        self.add(Sample(now, _to_values(before, usage)))
        return True


def _to_values(before: Usage | None, usage: Usage) -> tuple[float | None, ...]:
    def rate(read: Callable[[Usage], float | None]) -> float | None:
        count, earlier = read(usage), None if before is None else read(before)
        # A count that fell began anew, because the container did.
        if before is None or count is None or earlier is None or count < earlier:
            return None
        return (count - earlier) / (usage.at - before.at)

    return (
        rate(lambda each: each.cpu),
        float(usage.memory),
        rate(lambda each: each.received),
        rate(lambda each: each.sent),
        rate(lambda each: each.read),
        rate(lambda each: each.written),
        None if usage.pids is None else float(usage.pids),
    )


class Book:
    """What is known of the use of resources.

    :param clock: Returns seconds of a clock that never goes back; samples are dated with it.
    :param fresh_seconds: How old a sample may be and still count.
    :param most: How many containers that are gone are remembered.
    """

    def __init__(self, clock: Callable[[], float], fresh_seconds: float, most: int) -> None:
        self.clock = clock
        self.fresh_seconds = fresh_seconds
        self.revision = 0
        self._most = most
        self._lock = threading.RLock()
        self._containers: dict[str, ContainerTrack] = {}
        self._sums: dict[Key, Track] = {}
        self._dirty: set[Key] = set()
        self._fresh = 0

    # Writing

    def take_list(self, node_id: str, items: Iterable[Mapping[str, Any]], services: Mapping[str, Service]) -> None:
        """Take the list of containers of a node: those that run are sampled, others are gone.

        :param services: The services of the Swarm by their ids.
        """
        running = {str(item["Id"]): item for item in items if item.get("State") in ("running", "paused")}
        now = self.clock()
        with self._lock:
            for id_, item in running.items():
                track = self._containers.get(id_)
                if track is None:
                    self._containers[id_] = ContainerTrack(node_id, item, services)
                    self.revision += 1
                    continue
                if track.gone_at is not None:
                    track.gone_at, track.usage = None, None
                    self.revision += 1
                if (track.node_id, track.name) != (node_id, _name_of(item)):
                    # It was renamed, or its node has joined the Swarm anew.
                    before = tuple(_sums_of(track))
                    track.node_id, track.name = node_id, _name_of(item)
                    self._dirty.update((*before, *_sums_of(track)))
                    self.revision += 1
            for track in self._containers.values():
                if track.node_id == node_id and track.gone_at is None and track.id not in running:
                    self._end(track, now)

    def keep_nodes(self, node_ids: Collection[str]) -> None:
        """Take the nodes that there are: what was on others is gone."""
        with self._lock:
            for track in self._containers.values():
                if track.node_id not in node_ids:
                    self._end(track, self.clock())

    def record(self, track: ContainerTrack, usage: Usage | None) -> None:
        """Take what was measured of a container; None when it does not run any more."""
        with self._lock:
            now = self.clock()
            if usage is None:
                self._end(track, now)
            elif track.measure(usage, now):
                self._dirty.update(_sums_of(track))
                self.revision += 1

    def _end(self, track: ContainerTrack, now: float) -> None:
        if track.gone_at is None:
            track.gone_at = now
            self._dirty.update(_sums_of(track))
            self.revision += 1

    def sum_up(self) -> None:
        """Add up anew what changed of services, stacks and nodes."""
        now = self.clock()
        with self._lock:
            dirty, self._dirty = self._dirty, set()
            members: dict[Key, list[Sequence[float | None]]] = {key: [] for key in dirty}
            before, self._fresh = self._fresh, 0
            for track in self._containers.values():
                if (sample := self.fresh(track)) is not None:
                    self._fresh += 1
                    for key in _sums_of(track):
                        if key in members:
                            members[key].append(sample.values)
            for key, values in members.items():
                if values:
                    self._sums.setdefault(key, Track()).add(Sample(now, tuple(map(_sum, zip(*values, strict=True)))))
            if dirty or before != self._fresh:
                self.revision += 1

    def forget(self) -> None:
        """Forget what is older than is kept, and what is gone and too much to be remembered."""
        now = self.clock()
        with self._lock:
            gone = sorted(
                (track.sample.at if track.sample else track.gone_at, id_)
                for id_, track in self._containers.items()
                if track.gone_at is not None
            )
            for left, (at, id_) in zip(range(len(gone), 0, -1), gone, strict=True):
                if left > self._most or now - at > LONGEST_SECONDS:
                    del self._containers[id_]
            for key in [key for key, track in self._sums.items() if _is_over(track, now)]:
                del self._sums[key]

    # Reading

    def live(self) -> list[ContainerTrack]:
        """Return the containers that run, as far as is known."""
        with self._lock:
            return [track for track in self._containers.values() if track.gone_at is None]

    def container(self, id_: str) -> ContainerTrack | None:
        """Find a container, also one that is gone."""
        with self._lock:
            return self._containers.get(id_)

    def of_task(self, task_id: str) -> ContainerTrack | None:
        """Find the container of a task, also one that is gone."""
        return next(self.members("task", task_id), None)

    def members(self, kind: str, key: str) -> Iterator[ContainerTrack]:
        """Yield the containers of a service, stack, node or task, also those that are gone."""
        with self._lock:
            tracks = list(self._containers.values())
        for track in tracks:
            if (kind, key) in (*_sums_of(track), ("task", track.task_id)):
                yield track

    def sum(self, kind: SumKind, key: str) -> Track | None:
        """Find a service by id, a stack by name or a node by id."""
        with self._lock:
            return self._sums.get((kind, key))

    def fresh(self, track: Track) -> Sample | None:
        """Return the last sample if it still counts."""
        if isinstance(track, ContainerTrack) and track.gone_at is not None:
            return None
        sample = track.sample
        return sample if sample is not None and self.clock() - sample.at <= self.fresh_seconds else None

    @property
    def bytes(self) -> int:
        """How much memory the past takes."""
        with self._lock:
            return sum(track.bytes for track in (*self._containers.values(), *self._sums.values()))


def _name_of(item: Mapping[str, Any]) -> str:
    # Links of old give a container further names, with a slash inside.
    names = [str(name)[1:] for name in item.get("Names") or () if "/" not in str(name)[1:]]
    return names[0] if names else str(item["Id"])[:12]


def _sums_of(track: ContainerTrack) -> Iterator[Key]:
    yield "node", track.node_id
    if track.service_id:
        yield "service", track.service_id
    if track.stack:
        yield "stack", track.stack


def _sum(figures: Iterable[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def _is_over(track: Track, now: float) -> bool:
    return track.sample is None or now - track.sample.at > LONGEST_SECONDS
