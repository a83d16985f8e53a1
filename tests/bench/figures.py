"""A figure with its goal, and the table that figures make."""

from __future__ import annotations

import operator
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "performance.md"
_BETWEEN = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


@dataclass(frozen=True)
class Figure:
    """Something that was measured.

    :param what: In words, for the table.
    :param seen: What came out.
    :param goal: What it must reach; None for what is only told.
    :param unit: The unit of both.
    :param more_is_better: Whether the goal is the least that will do, not the most.
    :param note: What else is worth knowing: what it was compared with, how often it was tried.
    """

    what: str
    seen: float
    goal: float | None
    unit: str
    more_is_better: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        if self.goal is None:
            return True
        compare: Callable[[float, float], bool] = operator.ge if self.more_is_better else operator.le
        return compare(self.seen, self.goal)

    def row(self) -> tuple[str, str, str, str, str]:
        """Return the cells of the table."""
        sign = "≥" if self.more_is_better else "≤"
        goal = "none" if self.goal is None else f"{sign} {_number(self.goal)} {self.unit}"
        verdict = "" if self.met else "**missed** "
        return (
            self.what,
            goal,
            f"{_number(self.seen)} {self.unit}",
            verdict,
            self.note,
        )


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| What | Goal | Seen | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {what} | {goal} | {seen} | {verdict}{note} |"
        for what, goal, seen, verdict, note in map(Figure.row, figures)
    ]
    return "\n".join(lines) + "\n"


def write_page(figures: Sequence[Figure]) -> None:
    """Put the table in the page about performance, in place of the one before."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_BETWEEN.sub(lambda _: f"\n{table(figures)}\nMeasured on {machine}.\n\n", page), encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")
