"""What was seen of a log, so that a connection that dropped is taken up without losing or doubling a line."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# More than any server sends a second time.
REMEMBERED = 1000
# Whoever printed so lately is asked from its own last line on, whatever its clock says.
LATELY_SECONDS = 60.0


@dataclass
class _Source:
    heard_at: float = 0.0
    newest: str = ""
    lines: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Seen:
    """Remembers the newest lines of each container."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: dict[str, _Source] = {}

    def note(self, line: Mapping[str, Any]) -> bool:
        """Remember a line; tell whether it is new."""
        source = self._sources.setdefault(str(line.get("container")), _Source())
        source.heard_at = self._clock()
        stamp, known = str(line.get("time")), (str(line.get("time")), str(line.get("line")))
        if stamp <= source.newest and (known in source.lines or (source.lines and stamp < source.lines[0][0])):
            return False
        source.newest = max(source.newest, stamp)
        source.lines.append(known)
        return True

    @property
    def since(self) -> str | None:
        """From when on to ask again; None when nothing was seen."""
        if not self._sources:
            return None
        lately = self._clock() - LATELY_SECONDS
        alive = [source.newest for source in self._sources.values() if source.heard_at >= lately]
        return min(alive) if alive else max(source.newest for source in self._sources.values())
