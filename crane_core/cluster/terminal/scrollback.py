"""The end of what a program printed, kept so that who comes back sees what they missed."""

from __future__ import annotations

from collections import deque

from crane_core.engine.execs import Piece


class Scrollback:
    """Keeps the last bytes, by the stream they came on and by how many bytes came before them.

    :param most: How many bytes are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: deque[Piece] = deque()
        # How many bytes came before the first that is kept, and how many came in all.
        self.start = 0
        self.end = 0

    def add(self, piece: Piece) -> None:
        """Keep a piece in place of the oldest."""
        self._pieces.append(piece)
        self.end += len(piece[1])
        while self.end - self.start > self._most:
            stream, oldest = self._pieces.popleft()
            surplus = min(len(oldest), self.end - self.start - self._most)
            self.start += surplus
            if surplus < len(oldest):
                self._pieces.appendleft((stream, oldest[surplus:]))

    def since(self, seen: int) -> list[Piece]:
        """Return what came after so many bytes, as far as it is kept."""
        skipped = max(0, seen - self.start)
        found: list[Piece] = []
        for stream, content in self._pieces:
            if skipped < len(content):
                found.append((stream, content[skipped:]))
            skipped = max(0, skipped - len(content))
        return found
