"""The newest lines of one container, by which those are known that come a second time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from crane_core.logs.lines import Line

# How many lines are remembered: more than are asked for a second time.
REMEMBERED = 200


class Recent:
    """Remembers the newest lines of one container.

    Stamps alone do not tell whether a line is new: one that was printed to the other stream may be kept a moment later
    than its stamp says.
    """

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=REMEMBERED)

    def note(self, *lines: Line) -> None:
        """Remember lines."""
        self._lines.extend(lines)

    @property
    def newest(self) -> str:
        """The newest stamp that is remembered; empty while there is none."""
        return max((line.stamp for line in self._lines), default="")

    @property
    def since(self) -> str:
        """The stamp from which on all lines are remembered; empty while there is none."""
        return min((line.stamp for line in self._lines), default="")

    def sift(self) -> Callable[[list[Line]], list[Line]]:
        """Return what drops the lines that are known already, and those from before them, from what comes next."""
        if not self._lines:
            return lambda lines: lines
        known = Counter(self._lines)
        stamps = [line.stamp for line in self._lines]
        oldest, newest = min(stamps), max(stamps)

        def is_new(line: Line) -> bool:
            if line.stamp > newest:
                return True
            if line.stamp < oldest:
                return False
            if known[line] > 0:
                known[line] -= 1
                return False
            return True

        return lambda lines: [line for line in lines if is_new(line)]
