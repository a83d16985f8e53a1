"""Figures know whether they reach their goals, and where they are written."""

from __future__ import annotations

import pytest

from tests.bench.client import median, percentile
from tests.bench.figures import PAGE, Figure, table


@pytest.mark.parametrize(
    ("seen", "goal", "more_is_better", "met"),
    [(2, 3, False, True), (4, 3, False, False), (30, 25, True, True), (20, 25, True, False)],
)
def test_figure_is_compared_with_its_goal(seen, goal, more_is_better, met):
    assert Figure("x", seen, goal, "ms", more_is_better).met is met


def test_missed_goal_stands_out_in_the_table():
    told = table([Figure("One", 1, 2, "s"), Figure("Two", 300, 2, "s", note="slow")])

    assert told.splitlines()[2:] == ["| One | ≤ 2 s | 1 s |  |", "| Two | ≤ 2 s | 300 s | **missed** slow |"]


def test_figure_without_a_goal_is_only_told():
    told = Figure("One", 3, None, "s")

    assert (told.met, told.row()) == (True, ("One", "none", "3 s", "", ""))


def test_percentile_is_a_value_that_was_seen():
    assert percentile([0.001 * n for n in range(1, 101)], 99) == pytest.approx(99)
    assert median([0.001, 0.002, 0.009]) == pytest.approx(2)


def test_page_has_a_place_for_the_table():
    page = PAGE.read_text(encoding="utf-8")

    assert page.index("<!-- figures -->") < page.index("<!-- end of figures -->")
