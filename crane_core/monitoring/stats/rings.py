"""Rings: what was sampled in the last 24 hours, in less and less detail the longer ago it is.

The figures lie in arrays of single-precision numbers, so that a ring has one size from its beginning, however long it
is written to: :data:`RING_BYTES`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

FIGURES = ("cpu", "memory", "network_received", "network_sent", "disk_read", "disk_written", "pids")

_COUNT = len(FIGURES)
_GAP = math.nan


@dataclass(frozen=True)
class Detail:
    """How far points are apart, and how long they are kept, both in seconds."""

    step: int
    kept: int

    @property
    def slots(self) -> int:
        """How many points that are."""
        return self.kept // self.step


DETAILS = (Detail(2, 5 * 60), Detail(10, 3600), Detail(60, 6 * 3600), Detail(300, 24 * 3600))
RING_BYTES = sum(detail.slots for detail in DETAILS) * _COUNT * array("f").itemsize
LONGEST_SECONDS = DETAILS[-1].kept

Point = tuple[float, float]
# One number for each of FIGURES, None for what is not known.
Values = Sequence["float | None"]


class _Circle:
    """The points of one detail; a point is the mean of what was sampled in its step."""

    def __init__(self, detail: Detail) -> None:
        self.detail = detail
        self._values = array("f", [_GAP]) * (detail.slots * _COUNT)
        # How many samples the mean of each figure is made of in the newest slot.
        self._counts = array("H", [0]) * _COUNT
        self._newest: int | None = None

    def add(self, at: float, values: Values) -> None:
        slot = int(at // self.detail.step)
        if self._newest is None or slot > self._newest:
            self._advance(slot)
        elif slot < self._newest:
            # Later than something that was sampled later; the next is as good.
            return
        start = self._start(slot)
        for index, value in enumerate(values):
            if value is None:
                continue
            self._counts[index] = count = min(self._counts[index] + 1, 65535)
            before = self._values[start + index]
            self._values[start + index] = value if count == 1 else before + (value - before) / count

    def _advance(self, slot: int) -> None:
        """Leave gaps where nothing was sampled, in place of what is older than is kept."""
        first = slot if self._newest is None else max(self._newest + 1, slot - self.detail.slots + 1)
        empty = array("f", [_GAP]) * _COUNT
        for each in range(first, slot + 1):
            start = self._start(each)
            self._values[start : start + _COUNT] = empty
        self._newest = slot
        self._counts = array("H", [0]) * _COUNT

    def points(self, figure: int, since: float, until: float) -> list[Point]:
        if self._newest is None:
            return []
        step = self.detail.step
        first = max(math.ceil(since / step), self._newest - self.detail.slots + 1)
        last = min(int(until // step), self._newest)
        found = ((slot * step, self._values[self._start(slot) + figure]) for slot in range(first, last + 1))
        return [(float(at), value) for at, value in found if not math.isnan(value)]

    def _start(self, slot: int) -> int:
        return slot % self.detail.slots * _COUNT


class Ring:
    """What was sampled of one thing. Times are seconds of a clock that never goes back."""

    __slots__ = ("_circles",)

    def __init__(self) -> None:
        self._circles = tuple(_Circle(detail) for detail in DETAILS)

    def add(self, at: float, values: Values) -> None:
        """Keep a sample."""
        for circle in self._circles:
            circle.add(at, values)

    def points(self, figure: str, since: float, until: float, step: int, now: float) -> list[Point]:
        """Return a figure from one moment to another: the mean of each step in which something was sampled.

        :param step: As :func:`find_step` returns it.
        """
        detail = _find_detail(now - since)
        circle = next(each for each in self._circles if each.detail is detail)
        points = circle.points(FIGURES.index(figure), since, until)
        return points if step <= detail.step else _join(points, step)


def find_step(since: float, now: float, wanted: int) -> int:
    """Return how far the points are apart that can be had from a moment on: at least as far as is wanted."""
    least = _find_detail(now - since).step
    return math.ceil(max(wanted, least) / least) * least


def _find_detail(age: float) -> Detail:
    return next((detail for detail in DETAILS if age <= detail.kept), DETAILS[-1])


def _join(points: list[Point], step: int) -> list[Point]:
    joined: dict[int, list[float]] = {}
    for at, value in points:
        joined.setdefault(int(at // step), []).append(value)
    return [(float(slot * step), sum(values) / len(values)) for slot, values in joined.items()]
