"""What services, stacks, nodes, tasks and containers used in the last 24 hours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crane_core.context import Crane
from crane_core.engine.pool import Pool
from crane_core.errors import Invalid, NotFound, Violation
from crane_core.monitoring.stats.book import Book, ContainerTrack, Track
from crane_core.monitoring.stats.moments import find_epoch, to_moment
from crane_core.monitoring.stats.operations import Kind
from crane_core.monitoring.stats.rings import LONGEST_SECONDS, find_step
from crane_core.monitoring.stats.sampler import Sampler
from crane_core.security import Target

UNITS: Mapping[str, str] = {
    "cpu": "cores",
    "memory": "bytes",
    "network_received": "bytes per second",
    "network_sent": "bytes per second",
    "disk_read": "bytes per second",
    "disk_written": "bytes per second",
    "pids": "processes",
}
DEFAULT_SPAN = timedelta(hours=1)
# What a chart has room for, and what an answer may hold.
USUAL_POINTS = 240
MOST_POINTS = 2000
# What the small line of a row in a list shows, and how far its points are apart, in seconds.
COURSE_SECONDS, COURSE_STEP = 600, 30
COURSE_FIGURES = ("cpu", "memory")


@dataclass(frozen=True)
class Span:
    """A span of time on the server's clock, and how far its points are apart, in seconds."""

    since: float
    until: float
    step: int
    now: float


def find_span(crane: Crane, since: datetime | None, until: datetime | None, step: int | None) -> Span:
    """Return the span that is asked for: the last hour in steps that a chart has room for, unless told otherwise.

    :raises Invalid: when it ends before it begins, or has too many points.
    """
    now, epoch = crane.cache.clock(), find_epoch(crane)
    end = now if until is None else min(now, until.timestamp() - epoch)
    begin = end - DEFAULT_SPAN.total_seconds() if since is None else since.timestamp() - epoch
    if begin >= end:
        raise Invalid(violations=[Violation("since", "It begins when it ends, or later; say an earlier moment.")])
    begin = max(begin, now - LONGEST_SECONDS)
    seconds = max(0.0, end - begin)
    if step is not None and seconds / step > MOST_POINTS:
        least = math.ceil(seconds / MOST_POINTS)
        raise Invalid(violations=[Violation("step", f"That is too many points; say {least} seconds or more.")])
    return Span(begin, end, find_step(begin, now, step or math.ceil(seconds / USUAL_POINTS)), now)


def find_series(crane: Crane, kind: Kind, target: Target, span: Span, *, by_task: bool) -> dict[str, Any]:
    """Return what something used over a span of time, in the shape of the stats of the past.

    :raises NotFound: when there is no such stack; it is a stack by its name only.
    """
    sampler, epoch = crane.room(Sampler), find_epoch(crane)
    key = target.name if kind == "stack" else target.id
    if kind == "stack" and key not in crane.cache.snapshot().stacks and sampler.book.sum(kind, key) is None:
        crane.cache.snapshot().demand_read()
        raise NotFound(f"There is no stack {key}.")
    tracks: Sequence[tuple[ContainerTrack | None, Track | None]]
    if by_task and kind in ("service", "stack", "node"):
        tracks = [(track, track) for track in sampler.book.members(kind, key)]
    else:
        tracks = [(None, _find_track(sampler.book, kind, key))]
    figures = [
        {"name": name, "unit": unit, "series": list(_find_figure(name, tracks, span, epoch))}
        for name, unit in UNITS.items()
    ]
    return {
        "since": to_moment(crane, span.since),
        "until": to_moment(crane, span.until),
        "step": span.step,
        "pace": sampler.pace,
        "figures": figures,
        "sources": [*crane.cache.sources(), *crane.room(Pool).sources()],
    }


def find_course(crane: Crane, kind: Kind, key: str) -> dict[str, list[float | None]] | None:
    """Return how something went lately, the oldest first, at even distances; None where nothing of it was measured."""
    track = _find_track(crane.room(Sampler).book, kind, key)
    if track is None:
        return None
    now = crane.cache.clock()
    last = int(now // COURSE_STEP)
    slots = range(last - COURSE_SECONDS // COURSE_STEP + 1, last + 1)
    since = float(slots[0] * COURSE_STEP)
    course: dict[str, list[float | None]] = {}
    for name in COURSE_FIGURES:
        found = {int(at // COURSE_STEP): value for at, value in track.points(name, since, now, COURSE_STEP, now)}
        course[name] = [None if (value := found.get(slot)) is None else round(value, 4) for slot in slots]
    return course


def _find_track(book: Book, kind: Kind, key: str) -> Track | None:
    if kind == "container":
        return book.container(key)
    return book.of_task(key) if kind == "task" else book.sum(kind, key)


def _find_figure(
    name: str, tracks: Iterable[tuple[ContainerTrack | None, Track | None]], span: Span, epoch: float
) -> Iterator[dict[str, Any]]:
    for task, track in tracks:
        found = [] if track is None else track.points(name, span.since, span.until, span.step, span.now)
        if not found:
            continue
        values = [value for _, value in found]
        yield {
            "task": None if task is None else task.task_name or task.name,
            "task_id": task.task_id or None if task else None,
            "points": [(round(at + epoch, 3), value) for at, value in found],
            "least": min(values),
            "mean": sum(values) / len(values),
            "most": max(values),
        }
