"""Rings: what is kept in which detail, and how much memory it takes."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crane_core.monitoring.stats import rings as module
from crane_core.monitoring.stats.rings import DETAILS, FIGURES, RING_BYTES, Ring, find_step

NOTHING = (None,) * len(FIGURES)


def values(cpu: float | None = None, memory: float | None = None) -> tuple[float | None, ...]:
    return (cpu, memory, *NOTHING[2:])


def test_what_was_sampled_is_there_in_each_step() -> None:
    ring = Ring()
    for second in range(0, 60, 2):
        ring.add(1000 + second, values(cpu=second))

    points = ring.points("cpu", 1000, 1060, 2, 1060)

    assert points == [(1000.0 + second, float(second)) for second in range(0, 60, 2)]


def test_a_step_is_the_mean_of_what_was_sampled_in_it() -> None:
    ring = Ring()
    for second in range(0, 60, 2):
        ring.add(6000 + second, values(cpu=second))

    assert ring.points("cpu", 6000, 6059, 10, 6060) == [(6000.0 + ten, ten + 4.0) for ten in range(0, 60, 10)]
    # A day ago on, there are points five minutes apart only.
    [(at, mean)] = ring.points("cpu", 6060 - 86400, 6060, 300, 6060)
    assert (at, mean) == (6000.0, pytest.approx(29.0))


def test_nothing_stands_where_nothing_was_sampled() -> None:
    ring = Ring()
    ring.add(1000, values(cpu=1))
    ring.add(1100, values(cpu=2))

    assert ring.points("cpu", 900, 1200, 2, 1200) == [(1000.0, 1.0), (1100.0, 2.0)]
    assert ring.points("memory", 900, 1200, 2, 1200) == []


def test_a_figure_that_comes_later_in_a_step_counts_by_itself() -> None:
    ring = Ring()
    ring.add(600, values(memory=10))
    ring.add(604, values(cpu=4, memory=20))

    assert ring.points("cpu", 600, 604, 10, 604) != []
    assert ring.points("memory", 600, 700, 10, 4000) == [(600.0, 15.0)]
    assert ring.points("cpu", 600, 700, 10, 4000) == [(600.0, 4.0)]


def test_each_detail_is_kept_as_long_as_it_says() -> None:
    ring = Ring()
    for at in range(0, 90_000, 10):
        ring.add(at, values(cpu=at))
    now = 89_990

    assert len(ring.points("cpu", now - 300, now, 2, now)) == 30
    assert len(ring.points("cpu", now - 3600, now, 10, now)) == 360
    assert len(ring.points("cpu", now - 6 * 3600, now, 60, now)) == 360
    assert len(ring.points("cpu", now - 24 * 3600, now, 300, now)) == 288
    assert len(ring.points("cpu", 0, now, 300, now)) == 288


def test_a_sample_that_is_late_changes_nothing() -> None:
    ring = Ring()
    ring.add(1000, values(cpu=1))
    ring.add(900, values(cpu=9))

    assert ring.points("cpu", 0, 1000, 2, 1000) == [(1000.0, 1.0)]


@given(st.floats(0, 90_000), st.integers(1, 90_000))
def test_points_are_never_nearer_than_wanted_nor_than_was_kept(age: float, wanted: int) -> None:
    step = find_step(100_000 - age, 100_000, wanted)

    least = next((detail.step for detail in DETAILS if age <= detail.kept), DETAILS[-1].step)
    assert step >= wanted
    assert step % least == 0


def test_a_ring_takes_as_much_memory_as_is_documented() -> None:
    tracemalloc.start()
    try:
        rings = [Ring() for _ in range(20)]
        for ring in rings:
            for at in range(0, 600, 2):
                ring.add(at, (1.0,) * len(FIGURES))
        # Threads that other tests left alone take memory too, for other things.
        taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, module.__file__)])
        each = sum(trace.size for trace in taken.traces) / len(rings)
    finally:
        tracemalloc.stop()

    assert RING_BYTES == 32_424
    assert each < 34_000
